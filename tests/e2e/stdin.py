"""Archives from standard input: what is pushed is the same as from a file, whatever the pipe is like.

Every fixture through pipes, compressions, FIFOs, sockets and a spool folder; several repositories by way of a staging
one; and pipes that stall, are interrupted, or outlive their registry. That nothing is written to disk meanwhile is
shown by no_writes.py, producers that die are in cut_input.py.
"""
import bz2
import gzip
import lzma
import os
import re
import signal
import socket
import subprocess
import threading
import unittest

from harness import (SANITIZED, Case, DockerRegistry, EmbeddedRegistry, QuietHandler, RegistryCase, Running, always,
                     http_server, needs, tarpon, wait_until)
from images import (Image, docker_entries, fixture, fixtures, make_image, noise, oci_entries, oci_manifest, pull,
                    sha256, tar)

needs("docker-registry", "skopeo", "zstd")


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-cq"], input=data, stdout=subprocess.PIPE, check=True).stdout


COMPRESSIONS = {"gzip": lambda data: gzip.compress(data, 1), "zstd": zstd, "bzip2": lambda data: bz2.compress(data, 1),
                "xz": lambda data: lzma.compress(data, preset=0)}


class StdinCase(RegistryCase):
    def push_to_fresh(self, registry, archive, source, *options, **how):
        """Pushes `source` where `archive`, a fixture, says; reference below the fresh name -> digest."""
        base = f"{registry.host}/{self.fresh()}"
        result = self.pushed(source, *archive.where(base), *options, **how)
        self.assertEqual(set(result.references), set(archive.expected(base)))
        return {reference.removeprefix(base): digest for reference, digest in result.references.items()}

    def every_fixture(self):
        """Yields (registry, fixture, what a push of its file gives)."""
        # With sanitizers one registry: the other one's answers do not change how a pipe is read.
        for registry in (self.embedded,) if SANITIZED else self.registries:
            for archive in fixtures():
                yield registry, archive, self.push_to_fresh(registry, archive, archive.path)


class SameAsFromAFile(StdinCase):
    def test_every_fixture_through_a_pipe(self):
        for registry, archive, expected in self.every_fixture():
            with self.subTest(archive=archive.name, registry=type(registry).__name__):
                with subprocess.Popen(["cat", archive.path], stdout=subprocess.PIPE) as cat:
                    self.assertEqual(self.push_to_fresh(registry, archive, "-", stdin=cat.stdout), expected)
                self.assertEqual(cat.returncode, 0)

    def test_every_fixture_compressed_in_a_pipe_and_in_a_file(self):
        for registry, archive, expected in self.every_fixture():
            for name, compress in COMPRESSIONS.items():
                with self.subTest(archive=archive.name, compression=name, registry=type(registry).__name__):
                    packed = compress(archive.path.read_bytes())
                    file = self.file(packed)
                    self.assertEqual(self.push_to_fresh(registry, archive, "-", stdin=packed), expected)
                    self.assertEqual(self.push_to_fresh(registry, archive, file), expected)

    def test_every_fixture_through_a_spool_folder(self):
        spool = self.folder / "spool"
        spool.mkdir()
        for registry, archive, expected in self.every_fixture():
            with self.subTest(archive=archive.name, registry=type(registry).__name__):
                packed = gzip.compress(archive.path.read_bytes(), 1)
                self.assertEqual(self.push_to_fresh(registry, archive, "-", "--spool", spool, stdin=packed), expected)
                self.assertEqual(list(spool.iterdir()), [])

    def test_every_fixture_as_a_regular_file_on_standard_input(self):
        for registry, archive, expected in self.every_fixture():
            with self.subTest(archive=archive.name, registry=type(registry).__name__), open(archive.path, "rb") as file:
                self.assertEqual(self.push_to_fresh(registry, archive, "-", stdin=file), expected)

    def test_a_regular_file_is_read_from_where_it_stands(self):
        archive = fixture("docker20-multi")
        before = b"read by somebody else\n"
        path = self.file(before + archive.path.read_bytes())
        for registry in self.registries:
            with open(path, "rb") as file:
                os.lseek(file.fileno(), len(before), os.SEEK_SET)
                self.assertEqual(self.push_to_fresh(registry, archive, "-", stdin=file),
                                 self.push_to_fresh(registry, archive, archive.path))

    def test_every_fixture_through_a_pipe_that_delivers_one_byte_at_a_time(self):
        # Minutes for all of them, and the registry does not see the pipe: one is enough for most.
        for registry, archive, expected in self.every_fixture():
            if (SANITIZED or registry is self.docker) and archive.name not in ("crane-pull-gz-layers", "docker28-single"):
                continue
            with self.subTest(archive=archive.name, registry=type(registry).__name__):
                dd = ["dd", f"if={archive.path}", "bs=1", "status=none"]
                with subprocess.Popen(dd, stdout=subprocess.PIPE) as producer:
                    self.assertEqual(self.push_to_fresh(registry, archive, "-", stdin=producer.stdout), expected)
                self.assertEqual(producer.returncode, 0)

    def test_a_fifo_and_a_socket(self):
        archive = fixture("docker28-multi")
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        for registry in self.registries:
            expected = self.push_to_fresh(registry, archive, archive.path)
            with subprocess.Popen(["sh", "-c", f"cat '{archive.path}' > '{fifo}'"]):
                self.assertEqual(self.push_to_fresh(registry, archive, fifo), expected)
            ours, theirs = socket.socketpair()
            sender = threading.Thread(target=lambda: (ours.sendall(archive.path.read_bytes()), ours.close()))
            sender.start()
            with theirs:
                self.assertEqual(self.push_to_fresh(registry, archive, "-", stdin=theirs), expected)
            sender.join()

    def test_compressions_of_layers(self):
        archive = fixture("docker20-multi")
        data = archive.path.read_bytes()
        for options in (("none",), ("zstd",), ("zstd", "--compression-level", "19"),
                        ("gzip", "--compression-level", "9")):
            with self.subTest(options):
                expected = self.push_to_fresh(self.embedded, archive, archive.path, "--compression", *options)
                found = self.push_to_fresh(self.embedded, archive, "-", "--compression", *options, stdin=data)
                self.assertEqual(found, expected)

    def test_plain_layers_of_an_oci_archive_keep_the_digest(self):
        image = make_image(1, "app:1", size=300_000)  # large enough not to be kept in memory
        data = tar(oci_entries(image, compressed=False))
        manifest, _ = oci_manifest(image, compressed=False)
        for registry in self.registries:
            for where in (("--registry", f"{registry.host}/{self.fresh()}"),
                          ("--to", f"{registry.host}/{self.fresh()}:1")):
                result = self.pushed("-", *where, stdin=data)
                ((reference, digest),) = result.references.items()
                self.assertEqual(digest, sha256(manifest))
                self.assertEqual(pull(reference, self.folder / self.fresh()).compressions, {"none"})

    def test_a_second_push_sends_no_blob(self):
        for registry, archive, _ in self.every_fixture():
            if archive.name in ("docker20-untagged", "docker20-multi") or archive.pure_oci:
                # Whether plain layers compress to something that is there shows too late.
                options = [] if archive.pure_oci else ["--compression", "none"]
                base = f"{registry.host}/{self.fresh()}"
                data = archive.path.read_bytes()
                self.pushed("-", *archive.where(base), *options, stdin=data)
                second = self.pushed("-", *archive.where(base), *options, stdin=data)
                uploaded = [blob for blob in second.of("blob") if blob["status"] == "uploaded"]
                if archive.pure_oci:
                    self.assertEqual(uploaded, [], second)
                self.assertEqual({image["status"] for image in second.of("image")}, {"unchanged"}, second)

    def test_layers_that_must_stay_cannot_be_recompressed_on_their_way(self):
        archive = fixture("docker28-containerd-missing-platform")
        data = archive.path.read_bytes()
        for registry in self.registries:
            name = self.fresh()
            self.refused(3, "archive", "was recompressed on its way.*leave out --compression", "-",
                         *archive.where(f"{registry.host}/{name}"), "--compression", "none", stdin=data)
            self.assertEqual(registry.names_stored(name), [])


def refusing_mounts(registry):
    """A handler in front of a registry that hides mounts from it, so that it opens an upload instead."""
    kept = ("Host", "Content-Type", "Content-Range", "Accept")

    class Handler(QuietHandler):
        def respond(self):
            path = re.sub(r"[?&](mount|from)=[^&]*", "", self.path)
            headers = {name: self.headers[name] for name in kept if name in self.headers}
            got = registry.request(self.command, path, self.read_body(), headers)
            self.send_response(got.status)
            for name in ("Content-Type", "Docker-Content-Digest", "Location", "Range"):
                if name in got.headers:
                    self.send_header(name, got.headers[name])
            self.send_header("Content-Length", got.headers.get("Content-Length", str(len(got.body))))
            self.end_headers()
            self.wfile.write(got.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    return Handler


class SeveralRepositories(StdinCase):
    def setUp(self):
        super().setUp()
        shared = make_image(2, size=200_000).layers
        self.images = [Image([*shared, *make_image(3, size=150_000).layers], ["one/app:1"]),
                       Image([*shared, *make_image(4, layers=1, size=150_000).layers], ["two/app:1", "three:latest"])]
        self.data = tar(docker_entries(*self.images))

    def by_status(self, result, status):
        return [blob for blob in result.of("blob") if blob["status"] == status]

    def test_go_through_a_staging_repository_and_are_mounted(self):
        for registry in self.registries:
            base = f"{registry.host}/{self.fresh()}"
            result = self.pushed("-", "--registry", base, stdin=self.data)
            large = [blob for blob in self.by_status(result, "uploaded") if blob["size"] > 64 * 1024]
            self.assertEqual({blob["repository"] for blob in large}, {f"{base}/tarpon-staging"})
            self.assertEqual(len(large), 5)
            self.assertEqual(len(self.by_status(result, "mounted")), 4 + 2 * 3 + 1, result)  # and a config
            self.assertEqual(registry.tags(f"{base.partition('/')[2]}/tarpon-staging"), [])
            for reference, digest in result.references.items():
                self.assertEqual(pull(reference, self.folder / self.fresh()).digest, digest)

    def test_the_staging_repository_can_be_chosen(self):
        for registry in self.registries:
            base, staging = f"{registry.host}/{self.fresh()}", self.fresh("staging")
            result = self.pushed("-", "--registry", base, "--staging", staging, stdin=self.data)
            self.assertIn(f"{registry.host}/{staging}", {blob["repository"] for blob in result.of("blob")})

    def test_are_copied_where_mounts_are_refused(self):
        for registry in self.registries:
            expected = self.pushed(self.file(self.data), "--registry", f"{registry.host}/{self.fresh()}")
            with http_server(refusing_mounts(registry)) as host:
                result = self.pushed("-", "--registry", f"{host}/{self.fresh()}", stdin=self.data)
            self.assertEqual(self.by_status(result, "mounted"), [])
            self.assertEqual(sorted(result.references.values()), sorted(expected.references.values()))
            for reference, digest in result.references.items():
                behind = reference.replace(host, registry.host)
                self.assertEqual(pull(behind, self.folder / self.fresh()).digest, digest)

    def test_one_destination_needs_no_staging(self):
        data = tar(docker_entries(self.images[0]))
        for registry in self.registries:
            to = f"{registry.host}/{self.fresh()}"
            result = self.pushed("-", "--to", f"{to}:1", "--to", f"{to}:2", stdin=data)
            self.assertEqual({blob["repository"] for blob in result.of("blob")}, {to})
            self.assertEqual(set(result.references), {f"{to}:1", f"{to}:2"})


class Inspect(Case):
    def inspected(self, archive, **how):
        result = tarpon("inspect", "--json", archive, **how)
        self.assertEqual((result.code, result.stderr), (0, ""), result)
        (found,) = result.events
        return found

    def test_a_pipe_shows_what_the_file_shows(self):
        for archive in fixtures():
            data = archive.path.read_bytes()
            expected = self.inspected(archive.path)
            self.assertEqual(expected["size"], len(data))
            piped = {**expected, "archive": "-", "size": 0}
            with self.subTest(archive.name):
                self.assertEqual(self.inspected("-", stdin=data), piped)
                with open(archive.path, "rb") as file:
                    self.assertEqual(self.inspected("-", stdin=file), {**expected, "archive": "-"})
            for name, compress in COMPRESSIONS.items():
                with self.subTest(archive.name, compression=name):
                    packed = compress(data)
                    self.assertEqual(self.inspected("-", stdin=packed), {**piped, "compression": name})
                    path = self.file(packed)
                    self.assertEqual(self.inspected(path), {
                        **expected, "archive": str(path), "size": len(packed), "compression": name})

    def test_words_for_people(self):
        data = tar(docker_entries(make_image(9, "app:1")))
        result = tarpon("inspect", "-", stdin=gzip.compress(data))
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.stdout, r"^standard input: docker, 1 image \(gzip\)\n@1 app:1\n")

    def test_what_is_no_archive(self):
        data = tar(docker_entries(make_image(10, "app:1")))
        for bad, words in ((b"", "there is no data"), (data[:3000], "ended early"), (b"text\n" * 200, "not a tar"),
                           (tar({"a": b"b"}), "manifest.json")):
            result = tarpon("inspect", "--json", "-", stdin=bad)
            self.assertEqual(result.code, 3, result)
            self.assertRegex(result.stderr, f"^tarpon: error: cannot read standard input: .*{words}")


class Options(StdinCase):
    def test_a_dry_run_cannot_tell(self):
        data = tar(docker_entries(make_image(5, "app:1")))
        self.refused(2, "usage", "dry run cannot tell", "--dry-run", "-", "--registry", self.embedded.host, stdin=data)

    def test_a_dry_run_of_a_spooled_archive_can(self):
        data = tar(docker_entries(make_image(6, "app:1")))
        name = self.fresh()
        result = tarpon("push", "--json", "--dry-run", "--spool", self.folder, "-", "--registry",
                        f"{self.embedded.host}/{name}", stdin=data)
        self.assertEqual(result.code, 0, result)
        self.assertEqual([plan["blobs_to_send"] for plan in result.of("plan")], [3], result)
        self.assertEqual(self.embedded.names_stored(name), [])

    def test_a_spool_folder_that_is_not_there(self):
        result = tarpon("push", "--json", "-", "--spool", self.folder / "none", "--registry", self.embedded.host,
                        stdin=tar(docker_entries(make_image(7, "app:1"))))
        self.assert_one_error(result, 2, "usage", f"cannot use the folder {self.folder / 'none'} of --spool")
        self.assertEqual(result.of("error")[0]["cause"], "No such file or directory")

    def test_a_spool_folder_without_room(self):
        # A limit on the size of files stands for a full disk; its signal is ignored as a full disk has none.
        limited = ("sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh")
        result = tarpon("push", "--json", "-", "--spool", self.folder, "--registry", self.embedded.host,
                        stdin=tar(docker_entries(make_image(7, "app:1", size=200_000))), wrapper=limited)
        self.assert_one_error(result, 1, "internal", f"cannot write to the folder {self.folder} of --spool")
        self.assertEqual(result.of("error")[0]["cause"], "File too large")
        self.assertRegex(result.of("error")[0]["hint"], "more room")

    def test_what_the_registry_refuses_shows_before_anything_is_read(self):
        for status, code in ((401, 4), (403, 4), (500, 5)):
            with http_server(always(status)) as host:
                with Running("push", "--json", "-", "--to", f"{host}/app:1", "--retries", "0",
                             stdin=subprocess.PIPE) as run:
                    # Nothing is ever written to the pipe, and it stays open.
                    wait_until(lambda: run.process.poll() is not None, "the end of a push that was refused")
                    self.assertEqual(run.finish().code, code)


class Names(StdinCase):
    """What an event calls "-", as the user did, is standard input in a message, and "-" in a command to be typed."""

    def test_in_events_of_images_and_of_errors(self):
        data = tar(docker_entries(make_image(21, "app:1"), make_image(22)))
        with open(self.file(data), "rb") as file:
            for stdin in (data, file):
                result = tarpon("push", "--json", "-", "--registry", f"{self.embedded.host}/{self.fresh()}", stdin=stdin)
                self.assertEqual(result.code, 7, result)
                self.assertEqual([one["archive"] for one in result.of("image") + result.of("error")], ["-", "-"])
                (event,) = result.of("error")
                self.assertTrue(event["message"].startswith("cannot push standard input: "), result)
                self.assertEqual(event["hint"], "tarpon push - --to HOST/NAME:TAG --image @2")

    def test_in_an_error_about_a_cut_archive(self):
        data = tar(docker_entries(make_image(23, "app:1", size=200_000)))
        name = next(iter(docker_entries(make_image(23, "app:1", size=200_000))))
        to = f"{self.embedded.host}/{self.fresh()}:1"
        result = self.refused(3, "archive", f'ended early, at byte 100000, inside entry "{name}", which goes on to byte '
                              r"\d{6}; did the producer fail", "-", "--to", to, stdin=data[:100_000])
        self.assertEqual(result.of("error")[0]["archive"], "-")
        looked = tarpon("inspect", "-", stdin=data[:100_000])
        self.assertIn(f'at byte 100000, inside entry "{name}"', looked.stderr)


class Stalls(StdinCase):
    """A pipe that stops in the middle of a layer, when part of that layer has reached the registry."""

    def setUp(self):
        super().setUp()
        self.image = Image([tar({"noise": noise(8, 6_000_000)})], ["app:1"])
        self.data = tar(docker_entries(self.image))

    def feed_until_stored(self, registry, run):
        """Returns what is left to be fed."""
        half = 2 * len(self.data) // 3
        run.feed(self.data[:half])
        wait_until(lambda: any(registry.sizes_stored("uploads")), "data in the registry")
        return self.data[half:]

    def expect_session_dropped(self, registry, name):
        """Every session that was opened was asked to be deleted.

        distribution 2.8 may answer 404 and keep it: the state in the only Location there is says that it is empty.
        Nor does it always log a PATCH that broke off.
        """
        if isinstance(registry, DockerRegistry):
            def dropped():
                log = registry.server.log.read_text()
                opened = re.findall(rf'"POST /v2/{name}/blobs/uploads/ HTTP/1.1" 202', log)
                deleted = re.findall(rf'"DELETE /v2/{name}/blobs/uploads/([-0-9a-f]+)\S* HTTP/1.1" \d', log)
                return opened and len(set(deleted)) == len(opened)
            wait_until(dropped, "the session's end")
        else:
            wait_until(lambda: not registry.open_uploads(), "the session's end")

    def start(self, registry, name, *options):
        return Running("push", "--json", *options, "-", "--to", f"{registry.host}/{name}:1", stdin=subprocess.PIPE)

    def test_a_stalled_pipe_is_shown_and_waited_for(self):
        for registry in self.registries:
            name = self.fresh()
            with self.start(registry, name, "--progress", "plain") as run:
                rest = self.feed_until_stored(registry, run)
                wait_until(lambda: " stalled " in run.messages(), "word of the stall")
                run.feed(rest)
                result = run.finish()
            self.assertEqual(result.code, 0, result)
            pull(f"{registry.host}/{name}:1", self.folder / self.fresh())

    def test_interrupts_leave_nothing_behind(self):
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for registry in self.registries:
                with self.subTest(signal=how, registry=type(registry).__name__):
                    name = self.fresh()
                    with self.start(registry, name) as run:
                        self.feed_until_stored(registry, run)
                        run.process.send_signal(how)
                        wait_until(lambda: run.process.poll() is not None, "the end after a signal")
                        result = run.finish()
                    self.assert_one_error(result, 130, "interrupted", "interrupted while pushing standard input")
                    self.assertEqual(result.of("error")[0]["archive"], "-")
                    self.assertEqual(registry.names_stored(name), [])
                    self.expect_session_dropped(registry, name)

    def test_nohup_means_it(self):
        name = self.fresh()
        with Running("push", "--json", "-", "--to", f"{self.embedded.host}/{name}:1", stdin=subprocess.PIPE,
                     wrapper=("sh", "-c", "trap '' HUP; exec \"$@\"", "sh")) as run:
            rest = self.feed_until_stored(self.embedded, run)
            run.process.send_signal(signal.SIGHUP)
            run.feed(rest)
            self.assertEqual(run.finish().code, 0)

    def test_an_interrupt_before_the_first_byte(self):
        for registry in self.registries:
            with self.start(registry, self.fresh()) as run:
                wait_until(lambda: "start" in run.output(), "the first event")
                run.process.send_signal(signal.SIGINT)
                wait_until(lambda: run.process.poll() is not None, "the end after a signal")
                self.assert_one_error(run.finish(), 130, "interrupted", "interrupted")
            if not isinstance(registry, DockerRegistry): # which keeps what it was told to drop
                self.assertEqual(registry.open_uploads(), [])

    def test_a_producer_that_stops_leaves_nothing_behind(self):
        for registry in self.registries:
            name = self.fresh()
            with self.start(registry, name) as run:
                self.feed_until_stored(registry, run)
                result = run.finish()
            self.assert_one_error(result, 3, "archive", "ended early.*did the producer fail")
            self.assertEqual(registry.names_stored(name), [])
            self.expect_session_dropped(registry, name)

    def test_a_registry_that_dies(self):
        with EmbeddedRegistry(self.folder / "registry") as registry:
            with self.start(registry, "app") as run:
                rest = self.feed_until_stored(registry, run)
                registry.stop(signal.SIGKILL)
                try:
                    run.feed(rest)
                except BrokenPipeError:
                    pass  # it has given up already
                result = run.finish()
            self.assert_one_error(result, 6, "network", registry.host)
            self.assertEqual(registry.names_stored(), [])


if __name__ == "__main__":
    unittest.main()
