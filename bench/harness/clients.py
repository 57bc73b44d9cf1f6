"""The clients that are compared, and how each is told to push.

`push` gives the command that is measured; `prepare` does what others than this client need first (an engine
must load an image before it can push it) and is not measured. NotAble says why a client cannot take part.
"""
from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .archives import Archive, Store
from .far_ends import FarEnd, Programs
from .machine import version_of
from .process import Command, environment

STREAM = Path(__file__).with_name("stream_archive.py")
PIPE_FILE = Path(__file__).with_name("pipe_file.py")
CURL_PUSH = Path(__file__).with_name("curl_push.sh")


class NotAble(Exception):
    """This client does not do that; the text says what."""


@dataclass
class Job:
    """What is to be pushed, where, how."""

    archives: list[Archive]
    far_end: FarEnd
    home: Path
    store: Store
    compression: str = "auto"  # auto, gzip, zstd, none
    stdin: bool = False
    stream_bytes: int = 0  # instead of an archive: a generated one of this size, from a pipe
    options: list[str] = field(default_factory=list)  # more of them, tarpon only

    @property
    def archive(self) -> Archive:
        return self.archives[0]

    def target(self, archive: Archive) -> str:
        return f"{self.far_end.host}/{archive.name}"

    def producer(self) -> dict | None:
        if self.stream_bytes:
            return {"pipe": ["python3", str(STREAM), str(self.stream_bytes)]}
        if self.stdin:
            return {"pipe": ["python3", "-I", "-S", str(PIPE_FILE), str(self.archive.path)]}
        return None

    def script(self, commands: list[list]) -> Command:
        """One process that runs them all, one after the other."""
        file = self.home / "commands.sh"
        file.write_text("set -e\n" + "".join(shlex.join(map(str, one)) + "\n" for one in commands))
        return Command(["sh", str(file)])


class Client:
    name = ""
    cpu_is_its_own = True  # else a daemon does the work

    def __init__(self, programs: Programs):
        self.programs = programs

    def version(self) -> str:
        """Empty where it is not installed."""
        return version_of(self.name, "--version")

    def prepare(self, job: Job) -> None:
        pass

    def push(self, job: Job) -> Command:
        raise NotImplementedError


class Tarpon(Client):
    name = "tarpon"

    def version(self) -> str:
        return version_of(self.programs.tarpon, "--version")

    def push(self, job: Job) -> Command:
        options = ["--quiet", *job.options]
        if job.compression != "auto":
            options += ["--compression", job.compression]
        if job.far_end.certificate:
            options += ["--ca-file", str(job.far_end.certificate)]
        if len(job.archives) > 1:  # what this verb is for; others have a loop
            return Command([self.programs.tarpon, "migrate", *(str(one.path) for one in job.archives), *options,
                            "--registry", job.far_end.host])
        pipe = job.producer()
        source = "-" if pipe else str(job.archive.path)
        target = f"{job.far_end.host}/bench/stream:1" if job.stream_bytes else job.target(job.archive)
        return Command([self.programs.tarpon, "push", source, *options, "--to", target], stdin=pipe)


class Skopeo(Client):
    name = "skopeo"

    def push(self, job: Job) -> Command:
        if job.compression == "none":
            raise NotAble("compresses whatever it sends to a registry")
        options = ["--quiet", "--insecure-policy"]
        # Root's cache of digests would lie in /var/lib and outlive the run.
        env = {"_CONTAINERS_ROOTLESS_UID": "1000", "XDG_DATA_HOME": str(job.home / "share")}
        where = ["--dest-cert-dir", str(job.far_end.certificate.parent)] if job.far_end.certificate else [
            "--dest-tls-verify=false"]
        if job.compression == "zstd":
            where += ["--format", "oci", "--dest-compress-format", "zstd"]
        transport = "oci-archive" if job.archive.recipe.layout == "oci" else "docker-archive"
        if (job.stdin or job.stream_bytes) and transport == "oci-archive":
            raise NotAble("reads OCI archives from files only")
        commands = []
        # Up to 1.9 it cannot read a pipe, later ones copy it to a file first: so does everybody.
        spooled = job.home / "tmp" / "archive.tar"
        if job.producer():
            commands.append(["dd", "status=none", "bs=1M", "iflag=fullblock", f"of={spooled}"])
        for one in job.archives:
            source = spooled if job.producer() else one.path
            name = ":" + one.name.rsplit(":", 1)[1] if transport == "oci-archive" else ""
            commands.append(["skopeo", "copy", *options, *where, f"{transport}:{source}{name}",
                             f"docker://{job.target(one)}"])
        command = job.script(commands) if len(commands) > 1 else Command(commands[0])
        command.stdin, command.env = job.producer(), env
        return command


class FromFile(Client):
    """Clients that read one kind of archive, from a file, one at a time, and choose what they send."""

    layouts: tuple[str, ...] = ()
    sends = ("auto",)

    def command(self, job: Job, archive: Archive) -> list:
        raise NotImplementedError

    def push(self, job: Job) -> Command:
        if job.stdin or job.stream_bytes:
            raise NotAble("reads files only")
        if job.archive.recipe.layout not in self.layouts:
            raise NotAble(f"does not read {job.archive.recipe.layout} archives")
        if job.compression not in self.sends:
            raise NotAble(f"does not do --compression {job.compression}")
        if job.far_end.certificate:
            raise NotAble("has no option for an authority of its own")
        commands = [self.command(job, one) for one in job.archives]
        return job.script(commands) if len(commands) > 1 else Command(commands[0])


class Crane(FromFile):
    name = "crane"
    layouts, sends = ("docker", "hybrid"), ("auto", "gzip")

    def version(self) -> str:
        return version_of("crane", "version")

    def command(self, job: Job, archive: Archive) -> list:
        return ["crane", "push", "--insecure", archive.path, job.target(archive)]


class Oras(FromFile):
    name = "oras"
    layouts, sends = ("oci",), ("auto", "none")

    def version(self) -> str:
        return version_of("oras", "version")

    def command(self, job: Job, archive: Archive) -> list:
        tag = archive.name.rsplit(":", 1)[1]
        return ["oras", "cp", "--no-tty", "--from-oci-layout", f"{archive.path}:{tag}", "--to-plain-http",
                job.target(archive)]


class Regctl(FromFile):
    name = "regctl"
    layouts, sends = ("docker", "hybrid", "oci"), ("auto", "none")

    def version(self) -> str:
        return version_of("regctl", "version")

    def prepare(self, job: Job) -> None:
        subprocess.run(["regctl", "registry", "set", "--tls", "disabled", job.far_end.host], check=True,
                       env=environment(job.home), capture_output=True)

    def command(self, job: Job, archive: Archive) -> list:
        return ["regctl", "image", "import", job.target(archive), archive.path]


class Engine(FromFile):
    """Pushes what it has loaded before."""

    layouts, sends = ("docker", "hybrid"), ("auto", "gzip")
    push_options: list[str] = []

    def run(self, job: Job, *argv) -> None:
        subprocess.run([self.name, *map(str, argv)], check=True, capture_output=True, env=environment(job.home))

    def prepare(self, job: Job) -> None:
        for one in job.archives:
            self.run(job, "load", "--input", one.path)
            self.run(job, "tag", one.name, job.target(one))

    def command(self, job: Job, archive: Archive) -> list:
        return [self.name, "push", "--quiet", *self.push_options, job.target(archive)]


class Podman(Engine):
    name = "podman"
    push_options = ["--tls-verify=false"]


class Docker(Engine):
    name = "docker"
    cpu_is_its_own = False

    def version(self) -> str:
        # The program alone does nothing.
        daemon = version_of("docker", "info", "--format", "{{.ServerVersion}}")
        return f"docker {daemon}" if daemon and daemon[0].isdigit() else ""


class Curl(Client):
    """Not a peer but a yardstick: nobody sends the same files to the same far end with less work."""

    name = "curl"

    def push(self, job: Job) -> Command:
        archive = job.archive
        if archive.recipe.layout != "oci" or job.compression not in ("auto", "none") or job.producer():
            raise NotAble("uploads the files of an OCI layout as they are")
        folder = job.store.blobs(archive)
        digest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]
        scheme = "https" if job.far_end.certificate else "http"
        env = {"CURL_CA": str(job.far_end.certificate)} if job.far_end.certificate else {}
        repository, tag = archive.name.rsplit(":", 1)
        return Command(["sh", str(CURL_PUSH), f"{scheme}://{job.far_end.host}", repository, tag, str(folder), digest],
                       env=env)


def all_clients(programs: Programs) -> dict[str, Client]:
    kinds = (Tarpon, Skopeo, Crane, Oras, Regctl, Podman, Docker, Curl)
    return {kind.name: kind(programs) for kind in kinds}


def find_clients(programs: Programs) -> tuple[dict[str, Client], dict[str, str]]:
    """Those that are here, and the version of each."""
    versions = {name: client.version() for name, client in all_clients(programs).items()}
    here = {name: client for name, client in all_clients(programs).items()
            if versions[name] and (name != "curl" or shutil.which("xargs"))}
    return here, {name: versions[name] for name in here}
