"""What those who run `tarpon serve` rely on: metrics, the access log, an orderly end, many bad clients, big archives.

TARPON_TEST_CROWD_SECONDS and TARPON_TEST_UPLOAD_MIB make the last two as long and as large as wanted: the full
measures are 60 and 4096.
"""
from __future__ import annotations

import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from harness import (PATIENCE, SANITIZED, TARPON, Background, Case, EmbeddedRegistry, environment, needs, parse_event,
                     request, wait_until)
from images import docker_entries, json_bytes, make_image, sha256, tar

needs("curl", "strace")

MIB = 1 << 20
CROWD_SECONDS = float(os.environ.get("TARPON_TEST_CROWD_SECONDS", "8"))
UPLOAD_BYTES = int(os.environ.get("TARPON_TEST_UPLOAD_MIB", "300")) * MIB


class OperationCase(Case):
    def serve(self, *options, env=None) -> EmbeddedRegistry:
        return self.enterContext(EmbeddedRegistry(self.folder / self.fresh("server"), *options, env=env))

    def archive(self, *names: str, seed: int = 1, **how) -> bytes:
        return tar(docker_entries(make_image(seed, *names, **how)))

    @contextlib.contextmanager
    def half_pushed(self, server, data: bytes, query: str = ""):
        with socket.create_connection(tuple(server.host.split(":")), timeout=PATIENCE) as client:
            client.sendall(f"PUT /push{query} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                           + data[:MIB])
            wait_until(server.open_uploads, "an upload begins")
            yield client

    def metrics(self, server) -> dict[str, float]:
        answer = request(server.host, "GET", "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return parse_metrics(answer.body.decode())

    def push(self, server, data: bytes, query: str = ""):
        return request(server.host, "PUT", f"/push{query}", data)


def status_of(pid: int, field: str) -> int:
    """Bytes, of a line of /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)[1]) * 1024


# --- metrics ------------------------------------------------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = r'\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\}'
NUMBER = r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN"


def parse_metrics(text: str) -> dict[str, float]:
    """Sample -> value, as a strict reader of the exposition format 0.0.4 understands the text."""
    assert text.endswith("\n") and "\r" not in text, text[-100:]
    types, samples, finished, current = {}, {}, set(), None
    for line in text.splitlines():
        if comment := re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line):
            kind, name, rest = comment.groups()
            if kind == "HELP":
                assert name not in finished and name != current, f"two groups of {name}"
                finished.add(current)
                current = name
            else:
                assert current == name and name not in types, f"TYPE of {name} is not behind its HELP"
                assert rest in ("counter", "gauge", "histogram"), line
                types[name] = rest
            continue
        sample = re.fullmatch(rf"({NAME})({LABELS})? ({NUMBER})", line)
        assert sample, f"no sample: {line!r}"
        name, labels, value = sample.groups()
        family = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
        assert family == current and family in types, f"{line!r} stands below {current}"
        assert types[family] != "counter" or name.endswith("_total"), f"a counter without _total: {name}"
        key = name + (labels or "")
        assert key not in samples, f"twice: {key}"
        samples[key] = float(value)
    for family in (name for name, kind in types.items() if kind == "histogram"):
        check_histogram(family, samples)
    return samples


def check_histogram(family: str, samples: dict[str, float]) -> None:
    series: dict[str, list[tuple[float, float]]] = {}
    for key, value in samples.items():
        if found := re.fullmatch(rf'{family}_bucket\{{(.*),le="([^"]+)"\}}', key):
            series.setdefault(found[1], []).append((float(found[2]), value))
    for labels, buckets in series.items():
        bounds, counts = zip(*buckets)
        assert list(bounds) == sorted(set(bounds)), f"bounds of {family} grow: {buckets}"
        assert list(counts) == sorted(counts), f"counts of {family} grow: {buckets}"
        assert buckets[-1][0] == float("inf"), family
        assert buckets[-1][1] == samples[f"{family}_count{{{labels}}}"], family
        assert f"{family}_sum{{{labels}}}" in samples, family


class Metrics(OperationCase):
    def test_the_reader_is_strict(self):
        head = "# HELP a_total x\n# TYPE a_total counter\n"
        self.assertEqual(parse_metrics(head + 'a_total{b="c"} 1\n'), {'a_total{b="c"}': 1.0})
        for bad in (head + "a_total 1", head + "b_total 1\n", head + "a_total x\n", head + "a_total 1\na_total 2\n",
                    head + 'a_total{b="c} 1\n', "# TYPE a gauge\na 1\n", "# HELP a x\n# TYPE a counter\na 1\n",
                    '# HELP h x\n# TYPE h histogram\nh_bucket{p="",le="1"} 2\nh_bucket{p="",le="+Inf"} 1\nh_sum{p=""} 1\n'
                    'h_count{p=""} 1\n'):
            with self.assertRaises(AssertionError, msg=bad):
                parse_metrics(bad)

    def test_what_is_counted(self):
        server = self.serve()
        before = self.metrics(server)
        self.assertNotIn('tarpon_http_requests_total{method="PUT",status="200"}', before)
        data = self.archive("app:1", size=300_000)
        pushed = self.push(server, data)
        self.assertEqual(pushed.status, 200)
        self.assertEqual(self.push(server, b"none").status, 422)
        self.assertEqual(self.push(server, data, "?to=UPPER").status, 400)
        request(server.host, "POST", "/v2/app/blobs/uploads/")
        with socket.create_connection(tuple(server.host.split(":"))) as client:
            client.sendall(b"garbage\r\n\r\n")
            client.recv(1000)
        after = wait_until(lambda: (lambda now: now if now.get('tarpon_http_requests_total{method="other",status="400"}')
                                    else None)(self.metrics(server)), "the garbage is counted")
        self.assertEqual(after['tarpon_http_requests_total{method="PUT",status="200"}'], 1)
        self.assertEqual(after['tarpon_http_requests_total{method="PUT",status="422"}'], 1)
        for outcome, times in (("pushed", 1), ("failed", 1), ("refused", 1), ("cancelled", 0), ("partly", 0)):
            self.assertEqual(after[f'tarpon_pushes_total{{outcome="{outcome}"}}'], times, outcome)
        self.assertEqual(after['tarpon_push_blobs_total{status="uploaded"}'], sum(
            one["event"] == "blob" and one["status"] == "uploaded" for one in map(json.loads, pushed.body.splitlines())))
        self.assertEqual(after["tarpon_push_images_total"], 1)
        self.assertEqual(after["tarpon_push_archive_bytes_total"], len(data) + 4)
        self.assertEqual(after["tarpon_pushes_running"], 0)
        self.assertEqual(after["tarpon_upload_sessions"], 1)
        self.assertGreater(after["tarpon_http_received_bytes_total"], len(data))
        self.assertGreater(after["process_resident_memory_bytes"], MIB)
        self.assertGreaterEqual(after["tarpon_connections"], 1)
        self.assertLess(abs(after["process_start_time_seconds"] - time.time()), PATIENCE)

    def test_names_are_no_labels(self):
        server = self.serve()
        self.push(server, self.archive("very/secret-name:v77"))
        request(server.host, "GET", "/v2/very/secret-name/manifests/v77")
        text = request(server.host, "GET", "/metrics").body.decode()
        self.assertNotRegex(text, "secret|v77")

    def test_a_push_under_way(self):
        server = self.serve()
        data = self.archive("app:1", size=MIB)
        with socket.create_connection(tuple(server.host.split(":"))) as client:
            client.sendall(b"PUT /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (2 * len(data)) + data[:MIB])
            wait_until(lambda: self.metrics(server)["tarpon_pushes_running"] == 1, "the push is counted")
        wait_until(lambda: self.metrics(server)['tarpon_pushes_total{outcome="cancelled"}'] == 1, "and its end")


# --- access log ---------------------------------------------------------------------------------

FIELDS = ["time", "client", "user", "method", "path", "status", "complete", "bytes_in", "bytes_out", "seconds",
          "user_agent"]


class AccessLog(OperationCase):
    def lines(self, path: Path, count: int) -> list[dict]:
        text = wait_until(lambda: (lambda now: now if now.count("\n") >= count else None)(path.read_text()), "the lines")
        lines = [json.loads(line) for line in text.splitlines()]
        for line in lines:
            self.assertEqual(list(line), FIELDS)
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        return lines

    def test_requests_and_no_secrets(self):
        path = self.folder / "access.log"
        server = self.serve("--access-log", path, "--log-level", "trace")
        data = self.archive("app:1")
        request(server.host, "PUT", "/push?to=app:2&id=SECRETSECRET", data,
                {"Authorization": "Basic SECRET", "Cookie": "a=SECRET", "User-Agent": 'x"y\\\tSECRE' + "z" * 5000})
        request(server.host, "GET", "/v2/none?token=SECRET")
        lines = [one for one in self.lines(path, 2) if one["path"] in ("/push", "/v2/none")]
        push, none = (next(one for one in lines if one["path"] == path) for path in ("/push", "/v2/none"))
        self.assertEqual((push["method"], push["status"], push["complete"], push["bytes_in"], push["client"]),
                         ("PUT", 200, True, len(data), "127.0.0.1"))
        self.assertLess(len(push["user_agent"]), 300)
        self.assertEqual((none["method"], none["status"], none["user"]), ("GET", 404, None))
        self.assertNotIn("SECRET", path.read_text())
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)

    def test_what_clients_write_stays_in_its_field(self):
        path = self.folder / "access.log"
        server = self.serve("--access-log", path)
        for bytes_sent in (b'GET /%0a{"status":1} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
                           b'GET /"},{"a":" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \xff\xfe"\\u000a\r\nConnection: close\r\n\r\n',
                           b"GET /\r\n\r\n", b"\x16\x03\x01"):
            with socket.create_connection(tuple(server.host.split(":"))) as client:
                client.sendall(bytes_sent)
                client.recv(1000)
        lines = self.lines(path, 4)
        self.assertEqual(len(lines), 4)
        self.assertEqual(sorted(str(one["path"]) for one in lines), ['/"},{"a":"', '/%0a{"status":1}', "None", "None"])

    def test_a_log_that_is_moved_away(self):
        path, old = self.folder / "access.log", self.folder / "access.log.1"
        server = self.serve("--access-log", path)
        request(server.host, "GET", "/healthz")
        self.lines(path, 1)
        path.rename(old)
        request(server.host, "GET", "/info")
        wait_until(path.exists, "a new file")
        self.assertEqual([one["path"] for one in self.lines(path, 1)], ["/info"])
        self.assertEqual([one["path"] for one in self.lines(old, 1)], ["/healthz"])

    def test_on_standard_output(self):
        server = self.serve("--access-log", "-")
        request(server.host, "GET", "/healthz")
        server.server.wait_for(r'"path":"/healthz"')

    def test_a_file_that_cannot_be_written(self):
        done = subprocess.run([TARPON, "serve", "--listen", "127.0.0.1:0", "--storage", self.folder / "s", "--access-log",
                               self.folder / "no" / "log"], capture_output=True, text=True, env=environment(), check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("cannot write the access log", done.stderr)


# --- the end ------------------------------------------------------------------------------------


class Stopping(OperationCase):
    def tell(self, server) -> None:
        server.server.process.send_signal(signal.SIGTERM)

        def is_stopping() -> bool:
            with contextlib.suppress(OSError):  # the signal came between our connection and our request
                return request(server.host, "GET", "/healthz").status == 503
            return False

        wait_until(is_stopping, "the server is stopping")

    def test_a_push_under_way_is_finished(self):
        server = self.serve("--stop-time", "600")
        data = self.archive("app:1", size=MIB)
        idle = self.enterContext(socket.create_connection(tuple(server.host.split(":")), timeout=PATIENCE))
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"200 OK", idle.recv(1000))
        with self.half_pushed(server, data) as client:
            self.tell(server)
            self.assertEqual(idle.recv(1), b"")  # closed at once
            late = self.push(server, data, "?to=late:1")
            self.assertEqual(late.status, 503)
            self.assertGreater(int(late.headers["Retry-After"]), 0)
            self.assertEqual(json.loads(late.body.splitlines()[0])["code"], "cancelled")
            client.sendall(data[MIB:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            self.assertIn(b'"status":"pushed"', answer)
            self.assertIn(b'"failed":0', answer)
        self.assertEqual(server.server.process.wait(PATIENCE), 0)
        index = json.loads((server.storage / "index.json").read_text())
        self.assertEqual([one["annotations"]["org.opencontainers.image.ref.name"] for one in index["manifests"]], ["app:1"])
        self.assertEqual(server.open_uploads(), [])

    def test_a_push_that_takes_too_long_is_interrupted(self):
        server = self.serve("--stop-time", "1")
        data = self.archive("app:1", size=MIB)
        with self.half_pushed(server, data) as client:
            self.tell(server)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            self.assertIn(b'"class":"interrupted"', answer)
            self.assertIn(b'"event":"summary"', answer)
        self.assertEqual(server.server.process.wait(PATIENCE), 0)
        self.assertEqual(server.names_stored(), [])
        self.assertEqual(server.open_uploads(), [])

    def test_nothing_to_wait_for(self):
        server = self.serve("--stop-time", "3600")
        for habit in (b"", b"GET /he", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            client = self.enterContext(socket.create_connection(tuple(server.host.split(":"))))
            client.sendall(habit)
        watcher = self.enterContext(socket.create_connection(tuple(server.host.split(":"))))
        watcher.sendall(b"GET /push/events?id=0123456789 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"200 OK", watcher.recv(1000))
        self.assertEqual(server.stop(signal.SIGINT), 0)

    def test_a_second_signal_stops_at_once(self):
        server = self.serve("--stop-time", "3600")
        with self.half_pushed(server, self.archive("app:1", size=MIB)):
            self.tell(server)
            time.sleep(0.5)  # sooner it would be the same signal
            self.assertEqual(server.stop(), 130)
        self.assertEqual(server.names_stored(), [])

    def test_answers_that_are_out_hold_nothing_up(self):
        """A client whose body is not wanted any more, and who does not go."""
        server = self.serve("--stop-time", "3600")
        client = self.enterContext(socket.create_connection(tuple(server.host.split(":"))))
        client.sendall(b"PUT /push?to=%20 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx")
        self.assertIn(b"HTTP/1.1 400", client.recv(1000))
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("interrupted", (server.folder / "log").read_text())

    def test_a_signal_that_comes_twice_is_one(self):
        """As from `timeout`, which tells a process and then its group."""
        server = self.serve()
        for _ in range(2):
            server.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.server.process.wait(PATIENCE), 0)


# --- too little of something ---------------------------------------------------------------------


class Scarcity(OperationCase):
    @unittest.skipUnless(os.geteuid() == 0, "limits of another user need root")
    def test_threads_that_cannot_be_started(self):
        uid = 61234  # nobody's: the limit is about all processes of a user
        folder = self.folder / "of-another"
        folder.mkdir()
        os.chown(folder, uid, uid)
        self.folder.chmod(0o755)

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NPROC, (12, 12))
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)

        command = [TARPON, "serve", "--threads", "64", "--listen", "127.0.0.1:0", "--storage", str(folder / "registry")]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, cwd=folder, timeout=PATIENCE,
                              env=environment({"HOME": str(folder)}), check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn("no thread can be started\n  cause: Resource temporarily unavailable", done.stderr)
        self.assertIn("TasksMax=", done.stderr)

    def test_pushes_share_their_threads(self):
        """What was there at the start is enough for all of them; one more looks up names."""
        server = self.serve("--threads", "8")
        pid = server.server.process.pid
        at_start = len(os.listdir(f"/proc/{pid}/task"))
        data = self.archive("app:1", size=MIB)
        with contextlib.ExitStack() as all_of_them:
            for _ in range(4):
                all_of_them.enter_context(self.half_pushed(server, data))
            wait_until(lambda: self.metrics(server)["tarpon_pushes_running"] == 4, "four pushes")
            self.assertLessEqual(len(os.listdir(f"/proc/{pid}/task")), at_start + 1)

    @unittest.skipUnless(os.geteuid() == 0, "a file system of its own needs root")
    def test_a_full_disk(self):
        place = self.folder / "full"
        small = place / "storage"
        small.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", small], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", small], check=True)  # after the server's end
        server = self.enterContext(EmbeddedRegistry(place))
        answer = self.push(server, self.archive("app:1", size=3 * MIB), "?to=app:1")
        lines = [parse_event(line) for line in answer.body.decode().splitlines()]
        self.assertEqual(lines[-1]["failed"], 1)
        told = next(line for line in lines if line["event"] == "error")
        self.assertIn("the disk of this registry is full", json.dumps(told))
        hosts = set(re.findall(r"127\.0\.0\.1:\d+", answer.body.decode()))
        self.assertLessEqual(hosts, {server.host})
        log = server.server.log.read_text()
        self.assertIn("No space left on device (storage ", log)
        self.assertIn("a push failed: ", log)

    @unittest.skipIf(SANITIZED, "memory of a sanitizer says nothing")
    def test_large_manifests_and_clients_that_do_not_read(self):
        server = self.serve()
        config = b"{}"
        posted = request(server.host, "POST", f"/v2/app/blobs/uploads/?digest={sha256(config)}", config)
        self.assertEqual(posted.status, 201)
        manifest = json_bytes({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(config), "size": 2},
            "layers": [], "annotations": {"padding": "x" * (4 * MIB - 1000)}})
        put = request(server.host, "PUT", "/v2/app/manifests/1", manifest,
                      {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        self.assertEqual(put.status, 201, put.body)
        pid = server.server.process.pid
        host, port = server.host.split(":")
        for _ in range(40):
            client = self.enterContext(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((host, int(port)))
            client.sendall(b"GET /v2/app/manifests/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(client.recv(12), b"HTTP/1.1 200")
        self.assertEqual(request(server.host, "GET", "/v2/app/manifests/1").body, manifest)
        self.assertLess(status_of(pid, "VmRSS"), 100 * MIB)


# --- many bad clients ---------------------------------------------------------------------------


def quietly(work) -> None:
    with contextlib.suppress(OSError):
        work()


class Crowd(OperationCase):
    def connect(self) -> socket.socket:
        return socket.create_connection(tuple(self.server.host.split(":")), timeout=5)

    def drip(self, data: bytes, pause: float) -> None:
        with self.connect() as client:
            for at in range(len(data)):
                if self.over.wait(pause):
                    return
                client.send(data[at:at + 1])

    def bad(self, habit: int, rng: random.Random) -> None:
        """One connection of a client that is slow, broken or greedy."""
        head = b"PATCH /v2/a/blobs/uploads/0123456789abcdef0123456789abcdef HTTP/1.1\r\nHost: localhost\r\n"
        if habit == 0:  # says nothing
            with self.connect():
                self.over.wait(rng.uniform(1, 20))
        elif habit == 1:  # a head that never ends
            self.drip(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 10_000, 0.05)
        elif habit == 2:  # a body that drips
            self.drip(b"PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"{" * 10_000, 0.05)
        elif habit == 3:  # garbage
            with self.connect() as client:
                client.sendall(rng.randbytes(rng.randrange(1, 100_000)))
                client.recv(1000)
        elif habit == 4:  # a huge head
            with self.connect() as client:
                client.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
                client.recv(1000)
        elif habit == 5:  # asks and asks, and never reads
            with self.connect() as client:
                client.settimeout(1)
                for _ in range(2000):
                    client.sendall(b"GET /page/page.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        elif habit == 6:  # half a chunk, then reset
            with self.connect() as client:
                client.sendall(head + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\nhello")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        else:  # two lengths
            with self.connect() as client:
                client.sendall(head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
                client.recv(1000)

    def keep_bad(self, number: int) -> None:
        rng = random.Random(number)
        while not self.over.wait(rng.uniform(0, 0.1)):
            quietly(lambda: self.bad(number % 8, rng))

    def keep_good(self, number: int) -> None:
        """Reads a blob, asks for a tag, uploads a blob; every answer must be right."""
        rng = random.Random(1000 + number)
        try:
            while not self.over.is_set():
                blob = request(self.server.host, "GET", f"/v2/app/blobs/{self.digest}")
                if blob.status != 200 or sha256(blob.body) != self.digest:
                    raise AssertionError(f"a blob: {blob.status}, {len(blob.body)} bytes")
                mine = rng.randbytes(2000)
                answer = request(self.server.host, "POST", f"/v2/good{number}/blobs/uploads/?digest={sha256(mine)}", mine)
                if answer.status == 202:
                    where = answer.headers["Location"]
                    answer = request(self.server.host, "PUT", f"{where}{'&' if '?' in where else '?'}digest={sha256(mine)}", mine)
                if answer.status != 201:
                    raise AssertionError(f"an upload: {answer.status} {answer.body!r}")
                self.served[number] += 1
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(f"{type(problem).__name__}: {problem}")

    def keep_pushing(self) -> None:
        try:
            for number in range(10**6):
                if self.over.is_set():
                    return
                answer = self.push(self.server, self.archive(f"pushed:{number}", seed=number % 5, size=200_000))
                if parse_event(answer.body.decode().splitlines()[-1])["failed"] != 0:
                    raise AssertionError(f"a push: {answer.status} {answer.body!r}")
                self.pushes += 1
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(f"push: {type(problem).__name__}: {problem}")

    def test_good_clients_are_served_among_bad_ones(self):
        self.server = self.serve()
        self.over, self.problems, self.served, self.pushes = threading.Event(), [], [0] * 99, 0
        content = random.Random(1).randbytes(300_000)
        self.digest = sha256(content)
        where = request(self.server.host, "POST", "/v2/app/blobs/uploads/").headers["Location"]
        self.assertEqual(request(self.server.host, "PUT", f"{where}?digest={self.digest}", content).status, 201)
        threads = [threading.Thread(target=self.keep_bad, args=[number]) for number in range(100)]
        threads += [threading.Thread(target=self.keep_good, args=[number]) for number in range(99)]
        threads.append(threading.Thread(target=self.keep_pushing))
        for thread in threads:
            thread.start()
        time.sleep(CROWD_SECONDS)
        # Not one good client is kept out, however slow the machine is.
        wait_until(lambda: self.problems or (min(self.served) > 0 and self.pushes > 0), "every good client is served")
        metrics = parse_metrics(request(self.server.host, "GET", "/metrics").body.decode())
        self.over.set()
        for thread in threads:
            thread.join()
        pid = self.server.server.process.pid
        peak = status_of(pid, "VmHWM")
        print(f"crowd of 200 for {CROWD_SECONDS:.0f} s: peak {peak / MIB:.1f} MiB, {sum(self.served)} good rounds, "
              f"{self.pushes} pushes, {metrics['tarpon_connections_total']:.0f} connections", file=sys.stderr)
        self.assertEqual(self.problems, [])
        if not SANITIZED:
            self.assertLess(peak, 200 * MIB)
        wait_until(lambda: parse_metrics(request(self.server.host, "GET", "/metrics").body.decode())[
            "tarpon_connections"] < 20, "the bad ones are gone")

    def test_one_client_does_not_get_all_places(self):
        server = self.serve()
        host, port = server.host.split(":")
        # 700 of one address, all in the middle of a head, so that none of them is idle.
        for _ in range(700):
            client = self.enterContext(socket.create_connection((host, int(port)), timeout=PATIENCE))
            client.sendall(b"GET / HTTP/1.1\r\nHo")
        # Another loopback address is another client.
        other = self.enterContext(socket.create_connection((host, int(port)), timeout=PATIENCE, source_address=("127.0.0.2", 0)))
        other.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: other.recv(65536), b"")).decode()
        self.assertIn("200 OK", answer)
        metrics = parse_metrics(answer.split("\r\n\r\n", 1)[1])
        self.assertLessEqual(metrics["tarpon_connections"], 513)
        self.assertGreaterEqual(metrics["tarpon_connections_refused_total"], 180)

    def test_idle_connections_make_room(self):
        server = self.serve()
        host, port = server.host.split(":")
        ping = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(600):
            self.enterContext(socket.create_connection((host, int(port)), timeout=PATIENCE))

        def served() -> bool:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
                client.sendall(ping)
                return b"200 OK" in client.recv(1000)
            return False

        # All of its places are taken, but not for long: those that say nothing are closed, one for each that comes.
        for _ in range(20):
            wait_until(served, "one of them goes")

    def test_more_connections_than_descriptors_by_default(self):
        """The soft limit of most systems would not do; the program raises its own."""
        folder = self.folder / "few"
        folder.mkdir()
        log = folder / "log"
        command = ["sh", "-c", 'ulimit -Sn 64 && exec "$@"', "sh", TARPON, "serve", "--json", "--listen", "127.0.0.1:0",
                   "--storage", folder / "storage"]
        server = self.enterContext(Background(command, log))
        host = server.wait_for(r'"event":"listening","address":"([^"]+)"')[1]
        name, port = host.split(":")
        held = [self.enterContext(socket.create_connection((name, int(port)), timeout=PATIENCE)) for _ in range(150)]
        for client in held:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b"200 OK", client.recv(1000))
        self.assertGreater(parse_metrics(request(host, "GET", "/metrics").body.decode())["process_max_fds"], 1000)


# --- big archives -------------------------------------------------------------------------------


class Big(OperationCase):
    def upload(self, server, *curl_options) -> list[dict]:
        writer = [sys.executable, Path(__file__).parent / "memory.py", "--write", str(UPLOAD_BYTES)]
        with subprocess.Popen(writer, stdout=subprocess.PIPE) as producer:
            done = subprocess.run(["curl", "-sS", "-T", "-", *curl_options, f"http://{server}/push?to=big:1"],
                                  stdin=producer.stdout, capture_output=True, env=environment(), check=False)
            producer.stdout.close()
            self.assertEqual(producer.wait(PATIENCE), 0)
        self.assertEqual(done.returncode, 0, done)
        return [parse_event(line) for line in done.stdout.decode().splitlines()]

    @unittest.skipIf(SANITIZED, "memory of a sanitizer says nothing")
    def test_memory_is_flat_and_nothing_is_written_beside_the_storage(self):
        folder = self.folder / "server"
        folder.mkdir()
        log, trace = folder / "log", folder / "trace"
        calls = "open,openat,openat2,creat,mknod,mknodat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat," \
                "memfd_create,truncate"
        command = ["strace", "-f", "--seccomp-bpf", "-qq", "--decode-fds=path", "--signal=none",
                   "--trace=" + ",".join(f"?{one}" for one in calls.split(",")), f"--output={trace}",
                   TARPON, "serve", "--json", "--listen", "127.0.0.1:0", "--storage", folder / "storage"]
        server = self.enterContext(Background(command, log, cwd=folder, env={"TMPDIR": str(folder), "HOME": str(folder)}))
        host = server.wait_for(r'"event":"listening","address":"([^"]+)"')[1]
        pid = int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])
        begun = time.monotonic()
        events = self.upload(host)
        peak = status_of(pid, "VmHWM")
        print(f"PUT /push of {UPLOAD_BYTES / MIB:.0f} MiB: peak {peak / MIB:.1f} MiB, {time.monotonic() - begun:.1f} s",
              file=sys.stderr)
        self.assertEqual(events[-1]["failed"], 0, events)
        self.assertGreater(events[-1]["bytes_read"], UPLOAD_BYTES * 9 // 10)
        self.assertLess(peak, 96 * MIB)
        self.assertEqual([one["reference"] for one in events if one["event"] == "image"], [f"{host}/big:1"])
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(server.process.wait(PATIENCE), 0)
        self.assert_only_below(folder / "storage", trace.read_text().splitlines())

    def assert_only_below(self, storage: Path, lines: list[str]) -> None:
        # Of a call that another thread cut in two, the first half has the names.
        changing = [line for line in lines if " resumed>" not in line]
        changing = [line for line in changing
                    if not re.match(r"\d+ +open", line) or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)", line)]
        self.assertTrue(any(str(storage) in line for line in changing), "the trace sees the storage")
        for line in changing:
            where = re.findall(r'<(/[^>]*)>|"(/[^"]*)"', line)
            paths = [a or b for a, b in where]
            inside = bool(paths) and all(f"{path}/".startswith(f"{storage}/") for path in paths)
            self.assertTrue(inside or re.search(r'"/dev/(null|tty)"', line) or "= -1" in line, line)


if __name__ == "__main__":
    unittest.main()
