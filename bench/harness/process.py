"""Running programs: measured ones, and those that live beside them."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

RUN_ONE = Path(__file__).with_name("run_one.py")
PATIENCE = 60.0  # for a server to come up or to go
SEARCH_PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class CommandFailed(Exception):
    """A measured command did not do its work; the text is what it said."""


@dataclass
class Command:
    argv: list[str]
    stdin: str | dict | None = None  # a path, or {"pipe": argv} of a producer
    env: dict[str, str] = field(default_factory=dict)


def environment(home: Path, more: dict[str, str] | None = None) -> dict[str, str]:
    """Nothing of the caller's settings; every client keeps its things below `home`."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "HOME": str(home), "XDG_RUNTIME_DIR": str(home),
            "TMPDIR": str(temporary), **(more or {})}


def measure(command: Command, home: Path) -> dict:
    """Costs of the command; raises CommandFailed unless it ends with 0."""
    env = environment(home, command.env)
    log = home / "log"
    spec = {"argv": [str(part) for part in command.argv], "env": env, "stdin": command.stdin, "log": str(log)}
    done = subprocess.run([sys.executable, "-I", "-S", str(RUN_ONE), json.dumps(spec)],
                          stdout=subprocess.PIPE, check=True, text=True, env=env)
    result = json.loads(done.stdout)
    code = result.pop("code")
    if code != 0:
        raise CommandFailed(f"exit code {code}: {log.read_text(errors='replace')[-600:].strip()}")
    result["cpu"] = result["user"] + result["system"]
    return result


class Background:
    """A server beside the measurements; stopped by its own id when the `with` ends."""

    def __init__(self, argv: list, log: Path, env: dict[str, str] | None = None):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(part) for part in argv], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, env={**os.environ, **(env or {}),
                                                                           "PATH": SEARCH_PATH})

    def wait_for(self, pattern: str) -> str:
        """The pattern's first group, as soon as it is in the log."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found[1]
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.process.args[0]} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
