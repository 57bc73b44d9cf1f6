"""Pushes that are killed, and go on in the next process: what is remembered, and that nothing hangs on it."""
import gzip
import random
import shutil
import signal
import socket
import sqlite3
import threading
import time
import unittest
from pathlib import Path

from harness import SANITIZED, Case, DockerRegistry, EmbeddedRegistry, Result, Running, needs, tarpon, wait_until
from images import Image, docker_entries, make_image, noise, pull, tar

needs("docker-registry", "skopeo")

MIB = 1 << 20
KILLS = 10 if SANITIZED else 50
IMAGE_MIB = 60 if SANITIZED else 500


class CountingProxy:
    """Passes connections on to a server, and counts the bytes that clients sent."""

    def __init__(self, target: str):
        host, port = target.split(":")
        self.target = (host, int(port))
        self.sent = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            with self._lock:
                self._open |= {client, server}
            for source, sink, counts in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._pass_on, args=(source, sink, counts))
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, source, sink, counts):
        try:
            while piece := source.recv(1 << 18):
                if counts:
                    with self._lock:
                        self.sent += len(piece)
                sink.sendall(piece)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()


def big_image(layers: int, size: int) -> Image:
    return Image([tar({f"noise{number}": noise(number, size)}) for number in range(layers)], ["app:1"])


class Stateful(Case):
    """Pushes that remember, in a folder of their own."""

    def setUp(self):
        super().setUp()
        self.state = self.folder / "state"
        self.env = {"TARPON_NO_STATE": "0", "XDG_STATE_HOME": str(self.state)}

    def push(self, archive: Path, host: str, *more: str, **how) -> Running:
        return Running("push", "--json", archive, "--registry", f"http://{host}", *more, env=self.env, **how)

    def pushed(self, archive, *where, env=None):
        result = tarpon("push", "--json", archive, *where, env=env or self.env)
        self.assertEqual(result.code, 0, result)
        return result


class Killed(Stateful):
    def push_twice(self, registry, how: int) -> tuple[Result, Result]:
        """A push that is sent a signal when the registry has a third of it, and the next one."""
        archive = self.file(tar(docker_entries(big_image(1, 24 * MIB))))
        # The rate keeps the first from ending before.
        with self.push(archive, registry.host, "--limit-rate", "6M") as run:
            wait_until(lambda: registry.stored_bytes() >= 8 * MIB, "8 MiB in the registry")
            run.process.send_signal(how)
            first = run.finish()
        return first, self.pushed(archive, "--registry", f"http://{registry.host}")

    def test_at_random_moments(self):
        layers = 3
        image = big_image(layers, IMAGE_MIB * MIB // layers)
        archive = self.file(tar(docker_entries(image)))
        dice = random.Random(1)
        kills = 0
        with EmbeddedRegistry(self.folder / "registry") as registry, CountingProxy(registry.host) as proxy:
            # Slow enough that the kills are spread over all of the push.
            rate = f"{IMAGE_MIB * MIB // KILLS}"
            while kills < KILLS:
                with self.push(archive, proxy.host, "--limit-rate", rate) as run:
                    time.sleep(dice.uniform(0.05, 1.0))
                    self.assertIsNone(run.process.poll(), "too fast to be killed")
                    run.process.send_signal(signal.SIGKILL)
                    run.process.wait()
                    kills += 1
            with self.push(archive, proxy.host) as run:
                result = run.finish()
            self.assertEqual(result.code, 0, result)
            sent = proxy.sent
            ((reference, digest),) = result.references.items()
            reference = reference.replace(proxy.host, registry.host)
            self.assertEqual(pull(reference, self.folder / "pulled").digest, digest)
        print(f"killed {kills} times: {sent} bytes sent for {IMAGE_MIB * MIB}")
        self.assertEqual(kills, KILLS)
        # In flight at a kill, and so not acknowledged: what sockets and the proxy hold.
        unacknowledged = kills * MIB
        self.assertLess(sent, 1.2 * IMAGE_MIB * MIB + unacknowledged)
        self.assertGreater(sent, IMAGE_MIB * MIB)

    def test_goes_on_where_it_was(self):
        with EmbeddedRegistry(self.folder / "registry") as registry:
            _, result = self.push_twice(registry, signal.SIGKILL)
        self.assertLess(result.summary["bytes_sent"], 20 * MIB, result)
        self.assertEqual(registry.open_uploads(), [])

    def test_an_interrupted_push_goes_on_too(self):
        with EmbeddedRegistry(self.folder / "registry") as registry:
            first, result = self.push_twice(registry, signal.SIGINT)
        self.assertEqual(first.code, 130)
        self.assertLess(result.summary["bytes_sent"], 20 * MIB, result)

    def test_a_registry_that_forgets_gets_it_anew(self):
        with DockerRegistry(self.folder / "registry") as registry:
            _, result = self.push_twice(registry, signal.SIGKILL)
            ((reference, digest),) = result.references.items()
            self.assertEqual(pull(reference, self.folder / "pulled").digest, digest)


class Remembered(Stateful):
    """What one push learned saves the next one work, and only work."""

    def test_a_layer_is_not_compressed_again_for_another_name(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1", size=200_000))))
        with DockerRegistry(self.folder / "registry") as registry:
            self.pushed(archive, "--to", f"{registry.host}/a:1")
            second = self.pushed(archive, "--to", f"{registry.host}/b:1")
            self.assertLess(second.summary["bytes_read"], 2000, second)
            self.assertEqual({blob["status"] for blob in second.of("blob")}, {"mounted"}, second)
            third = self.pushed(archive, "--to", f"{registry.host}/a:2")
            self.assertEqual(third.summary["bytes_read"], 0, third)
            # The other engine's layers are others.
            zstd = self.pushed(archive, "--to", f"{registry.host}/a:3", "--compression", "zstd")
            self.assertGreater(zstd.summary["bytes_read"], 200_000, zstd)

    def test_what_is_remembered_and_gone_is_pushed(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        for number in (1, 2):
            with DockerRegistry(self.folder / f"registry{number}") as registry:
                if number == 2:
                    registry.stop()
                    registry.host = host
                    registry.restart()
                host = registry.host
                result = self.pushed(archive, "--to", f"{host}/a:1")
                self.assertEqual({blob["status"] for blob in result.of("blob")}, {"uploaded"}, result)

    def test_state_that_is_of_no_use_breaks_nothing(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        with DockerRegistry(self.folder / "registry") as registry:
            reference = f"{registry.host}/a:1"
            first = self.pushed(archive, "--to", reference)
            file = self.state / "tarpon" / "state.db"
            self.assertTrue(file.exists())
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            file.write_bytes(b"x" * 5000)
            self.assertEqual(self.pushed(archive, "--to", reference).references, first.references)
            shutil.rmtree(self.state)
            self.state.write_text("no folder")
            self.assertEqual(self.pushed(archive, "--to", reference).references, first.references)
            full = {**self.env, "XDG_STATE_HOME": "/proc/nothing"}
            self.assertEqual(self.pushed(archive, "--to", reference, env=full).references, first.references)

    def test_no_state_and_what_is_read_once_leave_nothing(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        packed = self.file(gzip.compress(archive.read_bytes()), "archive.tar.gz")
        with DockerRegistry(self.folder / "registry") as registry:
            self.pushed(archive, "--to", f"{registry.host}/a:1", "--no-state")
            self.pushed(packed, "--to", f"{registry.host}/c:1")
            with open(archive, "rb") as data:
                result = tarpon("push", "-", "--to", f"{registry.host}/b:1", stdin=data, env=self.env)
            self.assertEqual(result.code, 0, result)
        self.assertFalse(self.state.exists())

    def test_ten_processes_share_it(self):
        images = [make_image(number // 2, f"app{number}:1", layers=3, size=100_000) for number in range(10)]
        archives = [self.file(tar(docker_entries(image)), f"{number}.tar") for number, image in enumerate(images)]
        with DockerRegistry(self.folder / "registry") as registry:
            runs = [self.push(archive, registry.host) for archive in archives]
            results = [run.finish() for run in runs]
            for run, result in zip(runs, results):
                with run:
                    self.assertEqual(result.code, 0, result)
                ((reference, digest),) = result.references.items()
                self.assertEqual(pull(reference, self.folder / reference.replace("/", "_")).digest, digest)
        with sqlite3.connect(self.state / "tarpon" / "state.db") as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(db.execute("SELECT count(*) FROM upload").fetchone(), (0,))


class Limited(Case):
    def test_rate_holds_over_all_connections(self):
        archive = self.file(tar(docker_entries(big_image(4, MIB))))
        with EmbeddedRegistry(self.folder / "registry") as registry:
            result = tarpon("push", "--json", archive, "--registry", registry.host, "--limit-rate", "1M")
        self.assertEqual(result.code, 0, result)
        # A bound from below only: the machine may be slow, never too fast.
        self.assertGreater(result.summary["seconds"], 3.5, result)


if __name__ == "__main__":
    unittest.main()
