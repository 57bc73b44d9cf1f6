"""Results as JSON and as a Markdown document."""
from __future__ import annotations

import json
from pathlib import Path

from .campaign import LaneResult, ScenarioResult
from .machine import sentence


def as_json(results: list[ScenarioResult], machine: dict, settings: dict, versions: dict) -> dict:
    return {"schema": 1, "machine": machine, "settings": settings, "versions": versions,
            "scenarios": [scenario_json(one) for one in results]}


def scenario_json(one: ScenarioResult) -> dict:
    scenario = one.scenario
    return {
        "name": scenario.name, "title": scenario.title, "far_end": scenario.far_end, "link": scenario.link,
        "archives": [archive.describe() for archive in one.archives[:3]], "archives_count": len(one.archives),
        "layer_bytes": plain_bytes(one), "bounds": one.bounds, "claims": one.claims,
        "lanes": [{
            "label": result.lane.label, "client": result.lane.client, "version": result.version,
            "checked": result.checked, "not_measured": result.not_measured, "median": result.median,
            "runs": result.runs} for result in one.lanes]}


def plain_bytes(one: ScenarioResult) -> int:
    return sum(archive.layer_bytes for archive in one.archives)


def as_markdown(results: list[ScenarioResult], machine: dict, settings: dict, versions: dict) -> str:
    lines = ["# Benchmark results", "", sentence(machine) + ".", "",
             f"{counted(settings['runs'])}, scale {settings['scale']:g}, clients in alternation, "
             "a fresh far end for every run. Sent: what the sink counted; for a registry, what its storage grew by. "
             "CPU s/GB: for each GB of plain layers. Repeat with:", "", "```sh", settings["command"], "```", "",
             "Clients: " + "; ".join(f"{name} ({version})" for name, version in versions.items()) + "."]
    for one in results:
        lines += ["", *scenario_lines(one)]
    return "\n".join(lines) + "\n"


def counted(runs: int) -> str:
    return f"Medians of {runs} runs after a warm-up" if runs else "A single run each, without a warm-up: no measurement"


def scenario_lines(one: ScenarioResult) -> list[str]:
    scenario = one.scenario
    what = f"{len(one.archives)} archives" if len(one.archives) > 1 else "archive"
    size = f", {what} of {sum(archive.bytes for archive in one.archives) / 1e6:,.1f} MB" if one.archives else ""
    link = "".join(f", {name.replace('_', ' ')} {value:,}" for name, value in scenario.link.items())
    lines = [f"## {scenario.title} (`{scenario.name}`)", "", f"Far end: {scenario.far_end}{link}{size}.", "",
             "| client | wall s | CPU s | CPU s/GB | peak MiB | sent MB | disk MB | requests |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    lines += [lane_line(result, plain_bytes(one)) for result in one.lanes if result.runs]
    lines += [f"| {result.lane.label} | not measured: {short(result.not_measured)} | | | | | | |"
              for result in one.lanes if not result.runs]
    if one.claims:
        lines += ["", "| claim | ratio | holds |", "| --- | ---: | --- |", *map(claim_line, one.claims)]
    return lines


def lane_line(result: LaneResult, plain: int) -> str:
    median = result.median
    gigabytes = (result.lane.stream_bytes or plain) / 1e9

    def cell(metric: str, text: str, unit: float = 1) -> str:
        return format(median[metric] / unit, text) if metric in median else ""

    per_gigabyte = f"{median['cpu'] / gigabytes:.2f}" if "cpu" in median and gigabytes else ""
    unfinished = " (ended early)" if result.not_measured else ""
    cells = [result.lane.label + unfinished, cell("wall", ".3f"), cell("cpu", ".2f"), per_gigabyte,
             cell("peak_memory", ".1f", 2**20), cell("sent", ",.1f", 1e6), cell("disk", ",.1f", 1e6),
             cell("requests", ".0f")]
    return "| " + " | ".join(cells) + " |"


def claim_line(claim: dict) -> str:
    if claim["holds"] is None:
        return f"| {claim['claim']} | | not measured: {claim['why']} |"
    ratio = f"{claim['ratio']:.3f} of {claim['of']}, at most {claim['bound']:.3g}"
    return f"| {claim['claim']} | {ratio} | {'yes' if claim['holds'] else '**no**'} |"


def short(text: str) -> str:
    line = " ".join(text.split()).replace("|", "/")
    return line if len(line) <= 160 else line[:157] + "…"


def write(results, machine: dict, settings: dict, versions: dict, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    whole = as_json(results, machine, settings, versions)
    (folder / "results.json").write_text(json.dumps(whole, indent=1) + "\n")
    (folder / "results.md").write_text(as_markdown(results, machine, settings, versions))
