"""Runs the real parts of an end-to-end test: tarpon, registries, and whatever else has to live beside them.

Every process is started here and stopped by its own id, every port is chosen by the system, every file
lies in a temporary folder. Nothing is timed: PATIENCE only ends what would hang for ever.
Archives are made and images are checked by images.py.
"""
from __future__ import annotations

import contextlib
import functools
import http.client
import http.server
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
TARPON = os.environ.get("TARPON", str(ROOT / "build" / "dev" / "tarpon"))
# The program under test has sanitizers: its memory says nothing, and every step takes several times longer.
SANITIZED = bool(os.environ.get("TARPON_SANITIZED"))
PATIENCE = float(os.environ.get("TARPON_TEST_PATIENCE", "300"))
SEARCH_PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
SKIPPED = 77


def needs(*programs: str, root: bool = False) -> None:
    """Ends the whole file as skipped where it cannot run."""
    missing = [name for name in programs if not shutil.which(name, path=SEARCH_PATH)]
    if root and os.geteuid() != 0:
        missing.append("root")
    if missing:
        print("SKIPPED: this needs", ", ".join(missing))
        sys.exit(SKIPPED)


def wait_until(condition, what: str):
    """Polls; returns the first value of `condition` that is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not after {PATIENCE:.0f} s")
        time.sleep(0.02)


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without what would change tarpon's mind."""
    unwanted = re.compile(r"TARPON_.*|.*_PROXY|.*_proxy|DOCKER_.*|REGISTRY_AUTH_FILE|NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not unwanted.fullmatch(name)}
    # What one test pushed is nothing the next one may know; resume.py says where state goes.
    return {**kept, "PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "TARPON_NO_STATE": "1", **(more or {})}


# --- programs -----------------------------------------------------------------------------------


class Background:
    """A program beside the test; what it prints goes to `log`. Stopped when the `with` ends."""

    def __init__(self, command: list[str], log: Path, **popen):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, env=environment(popen.pop("env", None)), **popen)

    def wait_for(self, pattern: str) -> re.Match:
        """Waits for a line in the log."""

        def seen():
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if not found and self.process.poll() is not None:
                raise AssertionError(f"{self.process.args[0]} ended early:\n{self.log.read_text()}")
            return found

        return wait_until(seen, f"{pattern!r} in {self.log}")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@dataclass
class Result:
    """How a run of tarpon ended."""

    arguments: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @functools.cached_property
    def events(self) -> list[dict]:
        return [parse_event(line) for line in self.stdout.splitlines()]

    def of(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def summary(self) -> dict:
        """The last event, which must be the only summary."""
        assert self.events and self.events[-1]["event"] == "summary", f"no summary at the end of {self}"
        assert len(self.of("summary")) == 1, f"more than one summary in {self}"
        return self.events[-1]

    @property
    def references(self) -> dict[str, str]:
        """Reference -> digest, as the image events say."""
        return {event["reference"]: event["digest"] for event in self.of("image")}

    @property
    def error_lines(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("tarpon: error:")]

    def __str__(self):
        return (f"tarpon {' '.join(self.arguments)}\nexit code {self.code}\n"
                f"--- stdout\n{self.stdout[-4000:]}--- stderr\n{self.stderr[-4000:]}")


def parse_event(line: str) -> dict:
    """One JSON line; "schema" and "event" come first."""
    assert re.match(r'\{"schema":1,"event":"[a-z]+"', line), f"not an event: {line!r}"
    return json.loads(line)


class Running:
    """A tarpon under way. `stdin` is bytes, an open file, or subprocess.PIPE to be fed by the test."""

    def __init__(self, *arguments, stdin=None, env=None, cwd=None, wrapper=()):
        self.arguments = tuple(str(part) for part in arguments)
        self.input = stdin if isinstance(stdin, bytes) else None
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        if stdin is None:
            stdin = subprocess.DEVNULL
        self.process = subprocess.Popen(
            [*wrapper, TARPON, *self.arguments], stdout=self.out, stderr=self.err,
            stdin=subprocess.PIPE if self.input is not None else stdin, env=environment(env), cwd=cwd)

    @property
    def stdin(self):
        return self.process.stdin

    def feed(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def output(self) -> str:
        """What it has printed so far."""
        return os.pread(self.out.fileno(), 1 << 20, 0).decode()

    def messages(self) -> str:
        """What it has said on stderr so far."""
        return os.pread(self.err.fileno(), 1 << 20, 0).decode("utf-8", "backslashreplace")

    def finish(self) -> Result:
        """Closes the input, waits for the end."""
        try:
            self.process.communicate(self.input, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{' '.join(self.arguments)} hangs\n{self._text(self.err)}") from None
        return Result(self.arguments, self.process.returncode, self._text(self.out), self._text(self.err))

    @staticmethod
    def _text(file) -> str:
        file.seek(0)
        return file.read().decode("utf-8", "backslashreplace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        if self.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.close()
        self.process.wait()
        self.out.close()
        self.err.close()


def tarpon(*arguments, **how) -> Result:
    with Running(*arguments, **how) as run:
        return run.finish()


# --- registries ---------------------------------------------------------------------------------


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)


def request(host: str, method: str, path: str, body=None, headers=None, chunked=False) -> Response:
    """One request on a connection of its own. `path` may be a whole Location."""
    path = re.sub(r"^http://[^/]+", "", path)
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    finally:
        connection.close()


def paths_below(folder: Path) -> Iterator[Path]:
    """Of everything, also while folders come and go: Path.rglob stumbles over one that is gone."""
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            yield Path(at, name)


class Registry:
    """A registry over plain HTTP on loopback, with its storage in a folder."""

    TAGS = MANIFESTS = UPLOADS = ""  # patterns below the storage

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.storage = self.folder / "storage"
        self.server: Background | None = None
        self.host = ""

    def start(self) -> None:
        raise NotImplementedError

    def stop(self, how: int = signal.SIGTERM) -> int:
        code = self.server.stop(how)
        self.server = None
        return code

    def request(self, method: str, path: str, body=None, headers=None, chunked=False) -> Response:
        return request(self.host, method, path, body, headers, chunked)

    def tags(self, repository: str) -> list[str]:
        answer = self.request("GET", f"/v2/{repository}/tags/list")
        return sorted(answer.json()["tags"] or []) if answer.status == 200 else []

    def manifest(self, repository: str, name: str) -> Response:
        types = ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
                 "application/vnd.docker.distribution.manifest.list.v2+json",
                 "application/vnd.docker.distribution.manifest.v2+json"]
        return self.request("GET", f"/v2/{repository}/manifests/{name}", headers={"Accept": ", ".join(types)})

    def names_stored(self, below: str = "") -> list[str]:
        """Every tag and every manifest (of repositories below a name), as it lies on disk."""
        found = [*self.storage.rglob(self.TAGS), *self.storage.rglob(self.MANIFESTS)]
        names = sorted(str(path.relative_to(self.storage)) for path in found)
        return [name for name in names if f"repositories/{below}/" in name] if below else names

    def stored_bytes(self) -> int:
        """Of blobs, and of uploads under way."""
        return sum(self.sizes_stored())

    def sizes_stored(self, part_of_path: str = "") -> list[int]:
        sizes = []
        for path in paths_below(self.storage):
            if path.name == "data" and part_of_path in str(path):
                with contextlib.suppress(FileNotFoundError):  # an upload that became a blob meanwhile
                    sizes.append(path.stat().st_size)
        return sizes

    def open_uploads(self) -> list[Path]:
        return [path for path in paths_below(self.storage) if path.match(self.UPLOADS)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.server:
            self.stop()


class DockerRegistry(Registry):
    """Debian's docker-registry (distribution 2.8)."""

    # A deleted upload leaves a folder behind, without this file.
    TAGS, MANIFESTS, UPLOADS = "_manifests/tags/*", "_manifests/revisions/*/*", "_uploads/*/startedat"

    def __init__(self, folder: Path, htpasswd: Path | None = None):
        super().__init__(folder)
        self.auth = {"htpasswd": {"realm": "test", "path": str(htpasswd)}} if htpasswd else {}
        self.http: dict = {}

    def restart(self) -> None:
        """Where it was, as after a crash."""
        self.http["addr"] = self.host
        self.start()

    def start(self) -> None:
        storage = {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True},
                   "maintenance": {"uploadpurging": {"enabled": False}}}
        config = {"version": 0.1, "log": {"level": "info"}, "storage": storage, "auth": self.auth,
                  "http": {"addr": "127.0.0.1:0", **self.http}}
        file = self.folder / "config.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        log = self.folder / "log"
        log.write_bytes(b"")
        self.server = Background(["docker-registry", "serve", file], log)
        self.host = self.server.wait_for(r"listening on (127\.0\.0\.1:\d+)")[1]


class EmbeddedRegistry(Registry):
    """`tarpon serve`."""

    TAGS, MANIFESTS, UPLOADS = "_tags/*", "_manifests/*/*", "uploads/*"

    def __init__(self, folder: Path, *options, env: dict[str, str] | None = None):
        """With --registry among the options it forwards and stores nothing."""
        super().__init__(folder)
        self.options = [str(one) for one in options]
        if "--listen" not in self.options:
            self.options += ["--listen", "127.0.0.1:0"]
        if "--registry" not in self.options:
            self.options += ["--storage", str(self.storage)]
        self.env = env

    def start(self) -> None:
        log = self.folder / "log"
        log.write_bytes(b"")
        command = [TARPON, "serve", "--json", *self.options]
        self.server = Background(command, log, env=self.env)
        self.host = self.server.wait_for(r'"event":"listening","address":"([^"]+)"')[1]


REGISTRIES = (DockerRegistry, EmbeddedRegistry)


@contextlib.contextmanager
def http_server(handler: type[http.server.BaseHTTPRequestHandler]):
    """HOST:PORT of a small server in a thread."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """A handler that reads bodies of either framing and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def answer(self, status: int, body: bytes = b"", headers=()) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def always(status: int, body: bytes = b"") -> type[QuietHandler]:
    """A handler that gives every request the same answer."""

    class Handler(QuietHandler):
        def respond(self):
            self.read_body()
            self.answer(status, body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    return Handler


def patient(asked: threading.Event, released: threading.Event, manifests: list[str]) -> type[QuietHandler]:
    """A registry that takes an upload, sets `asked`, and answers once it is `released`."""

    class Handler(QuietHandler):
        def respond(self):
            with contextlib.suppress(OSError, ValueError):  # a request that is dropped half-way
                self.read_body()
            if self.command == "POST":
                return self.answer(202, headers=[("Location", "/v2/app/blobs/uploads/1")])
            if self.command in ("PATCH", "PUT"):
                manifests.extend([self.path] if "manifests" in self.path else [])
                asked.set()
                released.wait(PATIENCE)
            with contextlib.suppress(OSError):
                self.answer(404 if self.command == "HEAD" else 200)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    return Handler


def free_port() -> int:
    """A port for a server that cannot choose one itself. Somebody else might take it meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def closed_port():
    """HOST:PORT on which nobody listens, and nobody else can meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


# --- test cases ---------------------------------------------------------------------------------


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = None
    _numbers = itertools.count(1)

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="tarpon-e2e-")))

    def fresh(self, word: str = "t") -> str:
        """A name that no other test uses."""
        return f"{word}{next(self._numbers)}"

    def file(self, content: bytes, name: str = "archive.tar") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def pushed(self, *arguments, **how) -> Result:
        """A push with --json that must succeed."""
        result = tarpon("push", "--json", *arguments, **how)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.error_lines, [], result)
        self.assertEqual(result.of("error"), [], result)
        self.assertEqual(result.summary["failed"], 0, result)
        self.assertEqual(result.summary["images"], len(result.of("image")), result)
        return result

    def assert_peak_memory(self, result: Result, most: int) -> None:
        if not SANITIZED:
            self.assertLess(result.summary["peak_memory_bytes"], most, result)

    def refused(self, code: int, error_class: str, words: str, *arguments, **how) -> Result:
        """A push with --json that must fail as a whole, in one line that matches `words`."""
        result = tarpon("push", "--json", *arguments, **how)
        self.assert_one_error(result, code, error_class, words)
        return result

    def assert_one_error(self, result: Result, code: int, error_class: str, words: str) -> None:
        self.assertEqual(result.code, code, result)
        self.assertEqual(len(result.error_lines), 1, result)
        self.assertEqual([event["class"] for event in result.of("error")], [error_class], result)
        message = result.of("error")[0]["message"]
        self.assertIn(message, result.error_lines[0], result)
        self.assertRegex(result.stderr, words)
        self.assertEqual(result.summary["images"], 0, result)
        self.assertEqual(result.of("image"), [], result)


class RegistryCase(Case):
    """Tests that share one registry of each kind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tarpon-e2e-")))
        cls.docker = cls.enterClassContext(DockerRegistry(folder / "docker"))
        cls.embedded = cls.enterClassContext(EmbeddedRegistry(folder / "embedded"))
        cls.registries = (cls.docker, cls.embedded)


class BadInputCase(RegistryCase):
    """Archives that must be refused, whichever way they come and go."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if SANITIZED:
            cls.registries = (cls.embedded,)  # what is refused before it is sent looks the same to both

    def expect_refusal(self, data: bytes, words: str, errors: int = 1) -> None:
        """As a file and from a pipe, on the way to either registry."""
        path = self.file(data)
        for registry in self.registries:
            for archive, stdin in ((path, None), ("-", data)):
                with self.subTest(registry=type(registry).__name__, archive=str(archive)):
                    name = self.fresh()
                    where = ("--registry", f"{registry.host}/{name}")
                    result = tarpon("push", "--json", archive, *where, stdin=stdin)
                    self.assert_refused(result, words, errors)
                    self.expect_clean(registry, name)

    def assert_refused(self, result: Result, words: str, errors: int) -> None:
        """Nothing was pushed, for `errors` reasons that all match `words`."""
        if errors == 1:
            return self.assert_one_error(result, 3, "archive", words)
        self.assertEqual(result.code, 3, result)
        self.assertEqual([event["class"] for event in result.of("error")], ["archive"] * errors, result)
        self.assertEqual([line for line in result.error_lines if not re.search(words, line)], [], result)
        self.assertEqual((result.summary["images"], result.summary["failed"]), (0, errors), result)

    def expect_clean(self, registry: Registry, name: str) -> None:
        self.assertEqual(registry.names_stored(name), [])
