"""tools/slurm/migrate.sbatch on a real Slurm: four shards as a job array, some of which are killed half-way.

Everything is on this machine and in a temporary folder: munged as user munge, slurmctld and slurmd as root, one
node of two CPUs. Needs root and Debian's munge, slurmctld, slurmd and slurm-client.
"""
from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from harness import (PATIENCE, ROOT, SEARCH_PATH, SKIPPED, TARPON, Background, Case, DockerRegistry, environment, needs,
                     wait_until)
from images import Image, make_layer, noise, oci_entries, oci_manifest, sha256, tar

needs("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "docker-registry", "setpriv", root=True)
try:
    pwd.getpwnam("munge")
except KeyError:
    print("SKIPPED: this needs a user munge")
    sys.exit(SKIPPED)

SHARDS = 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slurm:
    """A cluster of one node; its daemons end with the `with`.

    A job that is requeued waits until its credential has expired (120 s by default): hence cred_expire.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.running: list[Background] = []

    def daemon(self, *command) -> Background:
        started = Background(list(command), self.folder / f"{Path(command[0]).name}.log", env=self.variables)
        self.running.append(started)
        return started

    @property
    def variables(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self):
        munge = self.folder / "munge"
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        for path in (munge, key):
            shutil.chown(path, "munge", "munge")
        host = socket.gethostname().split(".")[0]
        (self.folder / "slurm.conf").write_text(f"""\
ClusterName=tarpon
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={munge}/socket,cred_expire=10
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
MpiDefault=none
ReturnToService=2
MessageTimeout=5
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""")
        self.daemon("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground",
                    f"--key-file={key}", f"--socket={munge}/socket", f"--pid-file={munge}/pid",
                    f"--seed-file={munge}/seed", f"--log-file={munge}/log")
        wait_until((munge / "socket").exists, "munged")
        self.daemon("slurmctld", "-D", "-f", self.folder / "slurm.conf")
        self.daemon("slurmd", "-D", "-f", self.folder / "slurm.conf")
        wait_until(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T", check=False), "an idle node")
        return self

    def __exit__(self, *_):
        self.ask("scancel", "--user=root", check=False)
        # A step's own process outlives slurmd; it ends once the controller has heard of its end.
        wait_until(lambda: not self.ask("squeue", "-h", check=False).strip(), "an empty queue")
        wait_until(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T", check=False), "an idle node")
        for daemon in reversed(self.running):
            daemon.stop()

    def ask(self, *command, check: bool = True, cwd: Path | None = None, env: dict | None = None) -> str:
        variables = environment({**self.variables, **(env or {})})
        del variables["TARPON_NO_STATE"]  # the script keeps state of its own
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=cwd, env=variables)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def states(self, job: str) -> dict[int, str]:
        """Task -> state, of those that are not over."""
        lines = self.ask("squeue", "-h", "-r", "-j", job, "-o", "%K %T", check=False).split("\n")
        return {int(line.split()[0]): line.split()[1] for line in lines if line.strip()}


class Set:
    """Archives of four families: one layer is in all images, one in each family, one in each image."""

    def __init__(self, folder: Path, families: int = 4, each: int = 6):
        common = tar({"common": noise(1, 50_000)})
        self.manifests: dict[str, str] = {}    # reference below the registry -> digest
        self.needs: dict[str, set[str]] = {}   # blob -> references
        self.sizes: dict[str, int] = {}
        folder.mkdir()
        for family in range(families):
            base = tar({"base": noise(100 + family, 300_000)})
            for number in range(each):
                name = f"family-{family}/image-{number}:1"
                image = Image([common, base, make_layer(1000 * family + number, 150_000)], [name])
                (folder / f"{family}-{number}.tar").write_bytes(tar(oci_entries(image, compressed=False)))
                manifest, blobs = oci_manifest(image, compressed=False)
                self.manifests[name] = sha256(manifest)
                for blob in blobs:
                    self.needs.setdefault(sha256(blob), set()).add(name)
                    self.sizes[sha256(blob)] = len(blob)
        self.common = sha256(common)


def committed(log: Path, status: str = "201") -> Counter:
    """How often the registry answered the commit of each blob with this status, as its log says."""
    puts = re.findall(r'"PUT /v2/[^ "]*digest=sha256(?:%3A|:)([0-9a-f]{64})[^"]*" ' + status, log.read_text(errors="replace"))
    return Counter("sha256:" + digest for digest in puts)


def process_with(argument: str) -> int | None:
    """The id of a tarpon that has this among its arguments."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in words and words[0].endswith(b"tarpon"):
            return int(path.parent.name)
    return None


class ArrayOfShards(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tarpon-slurm-")))
        folder.chmod(0o755)  # daemons of other users have to get through
        cls.slurm = cls.enterClassContext(Slurm(folder))

    def setUp(self):
        super().setUp()
        self.registry = self.enterContext(DockerRegistry(self.folder / "registry"))
        self.files = self.folder / "files"

    def submit(self, *arguments, array: str = f"0-{SHARDS - 1}") -> str:
        said = self.slurm.ask(
            "sbatch", f"--array={array}", str(ROOT / "tools" / "slurm" / "migrate.sbatch"), *map(str, arguments),
            cwd=self.folder, env={"TARPON": TARPON, "TARPON_JOBFILES": str(self.files), "TARPON_REPORTS": "json"})
        return re.search(r"Submitted batch job (\d+)", said)[1]

    def logs(self, job: str) -> str:
        return "\n".join(f"{path.name}: {path.read_text()}" for path in sorted(self.folder.glob(f"*-{job}_*.log")))

    def finish(self, job: str) -> None:
        wait_until(lambda: not self.slurm.states(job), f"the end of the array\n{self.logs(job)}")

    def reports(self) -> list[dict]:
        return [json.loads((self.files / f"shard-{shard}-of-{SHARDS}.json").read_text())
                for shard in range(1, SHARDS + 1)]


    def test_killed_shards_come_back_and_nothing_is_sent_twice(self):
        images = Set(self.folder / "images")
        # Slow enough to be killed half-way: about 1.3 MB a shard.
        job = self.submit(self.folder / "images", "--registry", self.registry.host, "--limit-rate", "300K", "--jobs", "2")
        killed = wait_until(lambda: process_with(str(self.files / f"shard-1-of-{SHARDS}.db")), "shard 1")
        self.registry.server.wait_for(r'"PUT /v2/[^ ]*/manifests/')
        os.kill(killed, signal.SIGKILL)                       # the script asks for another start
        wait_until(lambda: self.slurm.states(job).get(1) == "RUNNING", "shard 2 running")
        self.slurm.ask("scontrol", "requeue", f"{job}_1")     # Slurm itself kills this one
        self.finish(job)

        # The union is complete, no image in two shards, and all is well in the end.
        reports = self.reports()
        for report in reports:
            self.assertEqual(report["summary"]["failed"], 0, self.logs(job))
        parts = [{image["reference"] for image in report["images"]} for report in reports]
        prefix = self.registry.host + "/"
        self.assertEqual(sorted(name for part in parts for name in part), sorted(prefix + name for name in images.manifests))
        for name, digest in images.manifests.items():
            repository, tag = name.split(":")
            found = self.registry.manifest(repository, tag)
            self.assertEqual(sha256(found.body), digest, name)
            for blob in [json.loads(found.body)["config"], *json.loads(found.body)["layers"]]:
                answer = self.registry.request("HEAD", f"/v2/{repository}/blobs/{blob['digest']}")
                self.assertEqual(answer.status, 200, name)

        # A blob goes once to each shard that needs it: only what a cut goes through is in more than one.
        times = committed(self.registry.server.log)
        self.assertEqual(set(committed(self.registry.server.log, "(?:201|500)")), set(images.needs))
        # Who is killed while a blob is committed may get a 500; that all blobs are there was seen above.
        killed_uploads_max = 2 * 2  # kills, --jobs
        self.assertLessEqual(len(set(images.needs) - set(times)), killed_uploads_max)
        for digest, users in images.needs.items():
            holders = sum(any(prefix + name in part for name in users) for part in parts)
            self.assertLessEqual(times[digest], holders, f"{digest}\n{self.logs(job)}")
        sent_twice = sum((count - 1) * images.sizes[digest] for digest, count in times.items())
        self.assertLessEqual(sent_twice, (SHARDS - 1) * (images.sizes[images.common] + 302_000))
        # Both were started again, and knew what had been done.
        log = (self.folder / f"tarpon-migrate-{job}_0.log").read_text()
        self.assertRegex(log, f"(?s)shard 1 of {SHARDS}: .*starting again.*shard 1 of {SHARDS}: ")

        # Once more: nothing is left to do.
        again = self.submit(self.folder / "images", "--registry", self.registry.host, array=f"1-{SHARDS}")
        self.finish(again)
        for report in self.reports():
            self.assertEqual({image["status"] for image in report["images"]}, {"skipped"}, self.logs(again))
            self.assertEqual(report["summary"]["bytes_sent"], 0)
        self.assertEqual(committed(self.registry.server.log), times)

    def test_what_cannot_get_better_is_not_repeated(self):
        (self.folder / "images").mkdir()
        job = self.submit(self.folder / "images", "--registry", self.registry.host, array="0-0")
        self.finish(job)
        log = self.logs(job)
        self.assertIn("no archives in the folder", log)
        self.assertNotIn("starting again", log)

    def test_only_arrays(self):
        said = self.slurm.ask("sbatch", "--wait", "--output=alone.log", str(ROOT / "tools" / "slurm" / "migrate.sbatch"),
                              "images", cwd=self.folder, check=False)
        self.assertIn("Submitted", said)
        self.assertIn("this is for job arrays", (self.folder / "alone.log").read_text())


if __name__ == "__main__":
    unittest.main()
