"""Runs scenarios: a warm-up of every lane that also checks all that arrived, then the lanes in alternation.

Every run has a fresh far end and, unless the scenario says otherwise, a fresh home for the client. The
archives are in the page cache, because the warm-up has read them. With 0 runs the warm-up is what counts.
"""
from __future__ import annotations

import contextlib
import shutil
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from . import check
from .archives import Archive, Recipe, Store
from .clients import Client, Job, NotAble
from .far_ends import FAR_ENDS, FarEnd, Programs, Sink
from .process import CommandFailed, measure
from .scenarios import Claim, Lane, Scenario

METRICS = ("wall", "user", "system", "cpu", "peak_memory", "sent", "disk", "requests")


@dataclass
class LaneResult:
    lane: Lane
    version: str = ""
    runs: list[dict] = field(default_factory=list)
    not_measured: str = ""  # why
    checked: str = ""
    layer_sizes: list[int] = field(default_factory=list)  # as they arrived

    def values(self, metric: str) -> list[float]:
        return [run[metric] for run in self.runs if run.get(metric) is not None]

    @property
    def median(self) -> dict:
        return {metric: statistics.median(self.values(metric)) for metric in METRICS if self.values(metric)}


@dataclass
class ScenarioResult:
    scenario: Scenario
    archives: list[Archive]
    lanes: list[LaneResult]
    bounds: dict[str, float] = field(default_factory=dict)  # what claims compare with besides lanes
    claims: list[dict] = field(default_factory=list)


def median_ratio(mine: list[float], others: list[float]) -> float:
    """Of the rounds' ratios: a machine whose clock changes from minute to minute changes both of a round."""
    return statistics.median(one / other for one, other in zip(mine, others))


class Campaign:
    def __init__(self, programs: Programs, clients: dict[str, Client], versions: dict[str, str], store: Store,
                 work: Path, storage: Path, scale: float, runs: int, say):
        self.programs, self.clients, self.versions, self.store = programs, clients, versions, store
        self.work, self.storage, self.scale, self.runs, self.say = work, storage, scale, runs, say

    # --- one scenario ---------------------------------------------------------------------------

    def run(self, scenario: Scenario) -> ScenarioResult:
        self.say(f"{scenario.name}: {scenario.title}")
        needs_archive = not all(lane.stream_bytes for lane in scenario.lanes)
        made = [self.store.get(one) for one in scenario.recipes(self.scale)] if needs_archive else []
        lanes = [LaneResult(lane, self.versions.get(lane.client, "")) for lane in scenario.lanes]
        for result in lanes:
            self.warm_up(scenario, result, made)
        for number in range(self.runs):
            # Whoever goes first in one round goes last in the next.
            able = [result for result in lanes if not result.not_measured]
            for result in able[number % max(len(able), 1):] + able[:number % max(len(able), 1)]:
                self.one_run(scenario, result, made)
        whole = ScenarioResult(scenario, made, lanes)
        self.find_bounds(whole)
        whole.claims = [self.judge(claim, whole) for claim in scenario.claims]
        return whole

    def warm_up(self, scenario: Scenario, result: LaneResult, made: list[Archive]) -> None:
        if result.lane.client not in self.clients:
            result.not_measured = "not installed"
            return
        try:
            costs = self.push_once(scenario, result, made, deep=True)
            if self.runs == 0:
                self.count(result, costs)
        except NotAble as reason:
            result.not_measured = str(reason)
        except CommandFailed as failed:
            result.not_measured = f"failed: {failed}"
        except check.Wrong as wrong:
            result.not_measured = f"WRONG RESULT: {wrong}"
        if result.not_measured:
            self.say(f"  {result.lane.label}: {result.not_measured}")

    def one_run(self, scenario: Scenario, result: LaneResult, made: list[Archive]) -> None:
        try:
            costs = self.push_once(scenario, result, made, deep=False)
        except (CommandFailed, check.Wrong) as failed:
            result.not_measured = f"failed in run {len(result.runs) + 1}: {failed}"
            self.say(f"  {result.lane.label}: {result.not_measured}")
            return
        self.count(result, costs)

    def count(self, result: LaneResult, costs: dict) -> None:
        result.runs.append(costs)
        cpu = f"{costs['cpu']:6.2f} CPU-s" if costs["cpu"] is not None else ""
        self.say(f"  {result.lane.label:24} {costs['wall']:7.3f} s {cpu} {costs['peak_memory'] / 2**20:6.1f} MiB "
                 f"{costs['sent'] / 1e6:9.2f} MB sent")

    # --- one push -------------------------------------------------------------------------------

    def push_once(self, scenario: Scenario, result: LaneResult, made: list[Archive], deep: bool) -> dict:
        lane = result.lane
        client = self.clients[lane.client]
        home = self.fresh(self.work / "home")
        with self.far_end(scenario, lane, deep) as far_end:
            if scenario.before:
                earlier_home = home if lane.keep_state else self.fresh(self.work / "home-before")
                self.push_unmeasured(client, self.job(lane, self.get_all(scenario.before), far_end, earlier_home))
            job = self.job(lane, made, far_end, home)
            client.prepare(job)
            command = client.push(job)
            sent_before, asked_before = far_end.stored(), far_end.requests()
            costs = measure(command, home)
            costs["sent"] = far_end.stored() - sent_before
            asked = far_end.requests()
            costs["requests"] = asked - asked_before if asked is not None else None
            if not client.cpu_is_its_own:
                costs.update(user=None, system=None, cpu=None)
            if made:
                for archive in made:
                    result.layer_sizes = check.check_archive(far_end, archive, deep)
            else:
                check.manifest_of(far_end, "bench/stream", "1")
            if deep:
                result.checked = self.how_checked(far_end)
        return costs

    def push_unmeasured(self, client: Client, job: Job) -> None:
        client.prepare(job)
        measure(client.push(job), job.home)

    def job(self, lane: Lane, made: list[Archive], far_end: FarEnd, home: Path) -> Job:
        return Job(made, far_end, home, self.store, lane.compression, lane.stdin, lane.stream_bytes,
                   list(lane.options))

    def get_all(self, recipes) -> list[Archive]:
        return [self.store.get(one) for one in recipes(self.scale)]

    def far_end(self, scenario: Scenario, lane: Lane, deep: bool) -> FarEnd:
        kind = FAR_ENDS[scenario.far_end]
        tls = scenario.tls if lane.tls is None else lane.tls
        more = {}
        if kind is Sink:
            # Checked once by hashing everything; measured without, at the link's speed.
            more = {"hash": deep, **self.scaled_link(scenario.link)}
        return kind(self.programs, self.storage / "far-end", tls, **more)

    def scaled_link(self, link: dict) -> dict:
        """A small archive over the same link would never break it."""
        if "reset_every" not in link:
            return link
        return {**link, "reset_every": max(int(link["reset_every"] * self.scale), 1_000_000)}

    @staticmethod
    def how_checked(far_end: FarEnd) -> str:
        if far_end.keeps:
            return "manifest, config, every blob's digest and every layer's diff_id, read back from storage"
        return "every blob's digest by the sink, manifest and sizes"

    @staticmethod
    def fresh(folder: Path) -> Path:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    # --- claims ---------------------------------------------------------------------------------

    def find_bounds(self, whole: ScenarioResult) -> None:
        wanted = {claim.other for claim in whole.scenario.claims}
        by_label = {result.lane.label: result for result in whole.lanes}
        bounds = {"64 MiB": 64 * 2**20, "100 ms": 0.1, "12 requests": 12}
        if "gzip -1" in wanted:
            bounds["gzip -1"] = sum(self.store.gzip_1_bytes(one) for one in whole.archives)
        if "1.2 GB/s" in wanted:
            bounds["1.2 GB/s"] = sum(one.layer_bytes for one in whole.archives) / 1.2e9
        if "largest layer" in wanted and by_label["tarpon"].layer_sizes:
            bounds["largest layer"] = max(by_label["tarpon"].layer_sizes) / whole.scenario.link["rate"]
        if "smallest + 8 MiB" in wanted:
            peaks = [result.median["peak_memory"] for result in whole.lanes if result.runs]
            bounds["smallest + 8 MiB"] = min(peaks, default=0) + 8 * 2**20
        whole.bounds = {name: value for name, value in bounds.items() if name in wanted}

    @staticmethod
    def judge(claim: Claim, whole: ScenarioResult) -> dict:
        measured = {result.lane.label: result.values(claim.metric) for result in whole.lanes}
        mine = measured.get(claim.lane, [])
        others = measured.get(claim.other, [])
        if claim.other in whole.bounds:
            others = [whole.bounds[claim.other]] * len(mine)
        verdict = {"claim": claim.text, "bound": claim.factor, "of": claim.other, "metric": claim.metric}
        if not mine or not all(others) or len(others) != len(mine):
            missing = claim.other if len(others) < len(mine) else claim.lane
            return {**verdict, "holds": None, "why": f"{missing} was not measured in every round"}
        ratio = median_ratio(mine, others)
        return {**verdict, "ratio": ratio, "holds": ratio <= claim.factor}
