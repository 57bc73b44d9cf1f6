"""Archives that are damaged, hostile or no archives at all, and registries that are not there.

Each gives one clear error line, the contract's exit code and class, a summary as the last event, and no tag and no
manifest in the registry; from a file and from a pipe alike. What is wrong with one image does not keep the good ones
of its archive from being pushed. Archives that end early have cut_input.py.
"""
import gzip
import io
import json
import os
import socket
import subprocess
import threading
import unittest
import zipfile

from harness import PATIENCE, BadInputCase, Running, always, closed_port, http_server, needs, tarpon
from images import (BLOCK, Image, docker_entries, flipped, json_bytes, make_image, noise, oci_entries, pull, sha256,
                    tar, tar_header)

needs("docker-registry", "skopeo", "zstd")


class DamagedArchives(BadInputCase):
    def expect_refusal_of_flips(self, data: bytes, part: bytes, words: str = "digest|content|damaged|compress"):
        start = data.index(part)
        for at in (0, 1, 130, 150, BLOCK, len(part) // 2, len(part) - 1):
            self.expect_refusal(flipped(data, start + at), words)
        for registry in self.registries:
            self.assertEqual(registry.open_uploads(), [])

    def test_flipped_byte_in_a_plain_layer(self):
        image = make_image(10, "app:1")
        self.expect_refusal_of_flips(tar(docker_entries(image)), image.layers[0], "other content|neither a tar")

    def test_flipped_byte_in_a_plain_layer_that_is_sent_while_it_is_read(self):
        image = make_image(11, "app:1", layers=1, size=400_000)
        self.expect_refusal_of_flips(tar(docker_entries(image)), image.layers[0], "other content|neither a tar")

    def test_flipped_byte_in_a_compressed_layer(self):
        for size in (3000, 400_000):
            image = make_image(12, "app:1", layers=1, size=size)
            entries = oci_entries(image)
            layer = gzip.compress(image.layers[0], mtime=0)
            self.expect_refusal_of_flips(tar(entries), layer)

    @unittest.expectedFailure
    def test_flipped_byte_in_a_compressed_layer_of_a_docker_archive(self):
        """Nothing but its diff_id can tell, and layers that go as they are are not decompressed to see it."""
        image = make_image(13, "app:1", layers=1)
        entries = docker_entries(image)
        name = next(iter(entries))
        stored = gzip.compress(entries[name], mtime=0)
        for at in (20, len(stored) // 2, len(stored) - 1):
            entries[name] = flipped(stored, at)
            self.expect_refusal(tar(entries), "content|damaged|compress")

    def test_flipped_byte_in_metadata(self):
        image = make_image(14, "app:1")
        for entries in (docker_entries(image), oci_entries(image)):
            data = tar(entries)
            self.expect_refusal(flipped(data, data.index(image.config) + 30), "content|digest|JSON")

    def test_missing_entries(self):
        for entries, missing in ((docker_entries(make_image(16, "app:1")), "layer.tar"),
                                 (docker_entries(make_image(17, "app:1")), ".json")):
            gone = next(name for name in entries if name.endswith(missing))
            del entries[gone]
            self.expect_refusal(tar(entries), "is not in the archive")
        image = make_image(18, "app:1")
        entries = oci_entries(image)
        for name in [name for name in entries if name.startswith("blobs/")]:
            self.expect_refusal(tar({other: data for other, data in entries.items() if other != name}),
                                "not in the archive|missing|neither in the archive")

    def test_metadata_that_is_not_json(self):
        entries = docker_entries(make_image(19, "app:1"))
        config = next(name for name in entries if name.endswith(".json"))
        item = json.loads(entries["manifest.json"])[0]
        renamed = {"c.json": b"{not json", **entries, "manifest.json": json_bytes([{**item, "Config": "c.json"}])}
        self.expect_refusal(tar({**entries, config: b"not json"}), config)
        self.expect_refusal(tar(renamed), "c.json.*JSON")
        self.expect_refusal(tar({**entries, "manifest.json": b"[{"}), "manifest.json.*JSON")
        self.expect_refusal(tar({**oci_entries(make_image(19, "app:1")), "index.json": b"{"}), "index.json.*JSON")

    def test_fewer_layers_than_the_config_lists(self):
        entries = docker_entries(make_image(20, "app:1"))
        (item,) = json.loads(entries["manifest.json"])
        item["Layers"].pop()
        self.expect_refusal(tar({**entries, "manifest.json": json_bytes([item])}), "1 layer.* 2 diff_ids")


class HostileArchives(BadInputCase):
    def test_names_outside_the_archive(self):
        entries = docker_entries(make_image(30, "app:1"))
        (item,) = json.loads(entries["manifest.json"])
        outside = "../../../../../../etc/passwd"
        layers = {**entries, "manifest.json": json_bytes([{**item, "Layers": [outside, item["Layers"][1]]}])}
        config = {**entries, "manifest.json": json_bytes([{**item, "Config": outside}])}
        for bad in (layers, config, {**config, outside: entries[item["Config"]]}):
            self.expect_refusal(tar(bad), "etc/passwd.* outside the archive")
        with open("/etc/passwd", "rb") as file:
            secret = sha256(file.read())[7:]
        for registry in self.registries:
            self.assertEqual(list(registry.storage.rglob(secret)), [])

    def test_an_absolute_name_is_one_of_the_archive(self):
        entries = docker_entries(make_image(31, "app:1"))
        (item,) = json.loads(entries["manifest.json"])
        item["Layers"][0] = "/etc/passwd"
        self.expect_refusal(tar({**entries, "manifest.json": json_bytes([item])}), "etc/passwd.* not in the archive")

    def test_links_to_the_outside_and_in_circles(self):
        entries = docker_entries(make_image(32, "app:1", layers=1))
        layer = next(iter(entries))
        rest = tar({name: data for name, data in entries.items() if name != layer})
        for target in ("/etc/passwd", "../../../../etc/passwd", "layer.tar"):
            self.expect_refusal(tar_header(layer, 0, b"2", target) + rest, "link|not in the archive|outside")

    def test_a_layer_of_no_bytes(self):
        entries = docker_entries(make_image(33, "app:1"))
        entries[next(iter(entries))] = b""
        self.expect_refusal(tar(entries), r"layer.tar.* is empty \(0 bytes\)")

    def test_ten_thousand_layers(self):
        image = Image([tar({str(i): b""}) for i in range(10_000)], ["app:1"])
        self.expect_refusal(tar(docker_entries(image)), "10000 .*over 1000")

    def test_two_images_with_the_same_tag(self):
        images = [make_image(34, "app:1"), make_image(35, "app:1")]
        # One line for each image, since neither is pushed.
        self.expect_refusal(tar(docker_entries(*images)), "image @[12] of it would become .*/app:1, and so would @[12]",
                            errors=2)

    def test_entries_that_claim_impossible_sizes(self):
        for size in (2**61, 2**63 - 1, 2**63, 2**64 - 1):
            data = tar_header("x/layer.tar", size) + noise(1, 2000)
            self.expect_refusal(data, "beyond 2\\^62|ended early|inside entry")

    def test_more_than_a_million_entries(self):
        blocks = tar_header("same", 0) * 2000
        with Running("push", "--json", "-", "--registry", self.embedded.host, stdin=subprocess.PIPE) as run:
            with self.assertRaises(BrokenPipeError):
                for _ in range(600):
                    run.feed(blocks)
            result = run.finish()
        self.assert_one_error(result, 3, "archive", r"1000000 entries \(tar_entries_max\)")

    def test_decompression_bombs(self):
        """A gigabyte of zeros in a few kilobytes is neither held in memory nor pushed."""
        size = 2**30
        bombs = {"zstd -q -1": size, "xz -1": size // 4, "gzip -1 | gzip -9": size}
        for command, expanded in bombs.items():
            with self.subTest(command):
                path = self.folder / self.fresh("bomb")
                script = f"(cat; head -c {expanded} /dev/zero) | {command} > '{path}'"
                subprocess.run(["sh", "-c", script], input=tar_header("x/layer.tar", expanded), check=True)
                for archive in (path, "-"):
                    with open(path, "rb") as file:
                        result = self.refused(3, "archive", "expansion_ratio_max", archive, "--registry",
                                              self.embedded.host, stdin=file if archive == "-" else None)
                    self.assert_peak_memory(result, size // 8)
                    self.expect_clean(self.embedded, "app")
                with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
                    result = self.refused(3, "archive", "expansion_ratio_max", "-", "--registry", self.docker.host,
                                          stdin=cat.stdout)
                    self.assert_peak_memory(result, size // 8)
                    cat.stdout.close()
                self.expect_clean(self.docker, "app")

    def test_a_million_empty_gzip_members(self):
        data = gzip.compress(b"") * 1_000_001 + gzip.compress(tar({}))
        self.expect_refusal(data, "gzip members .compressed_members_max")

    def test_compression_in_compression_in_compression(self):
        data = tar(docker_entries(make_image(36, "app:1")))
        for _ in range(3):
            data = gzip.compress(data)
        self.expect_refusal(data, "compressed more than 2 times")


class NoArchives(BadInputCase):
    def test_files_of_another_kind_are_named(self):
        good = tar(docker_entries(make_image(40, "app:1")))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("manifest.json", "[]")
        layer = tar({"a": b"b"})
        kinds = {
            "empty|no data": b"",
            "a zip file": packed.getvalue(),
            "UTF-16.*PowerShell": good.decode("cp437").encode("utf-16"),
            "docker export": tar({"bin/sh": b"\x7fELF", "etc/passwd": b"root:x:0:0"}),
            "Docker 1.9": tar({"abc/json": b"{}", "abc/layer.tar": layer, "repositories": b'{"app":{"1":"abc"}}'}),
            "neither manifest.json nor index.json": tar({"README": b"hello"}),
            "text": b"Error response from daemon: reference does not exist\n",
            "HTML page": b"<!DOCTYPE html><html><body>Log in</body></html>",
            "not a tar archive": noise(40, 4096),
        }
        for words, data in kinds.items():
            with self.subTest(words):
                self.expect_refusal(data, words)

    def test_folders_and_missing_files(self):
        for path, words in ((self.folder, "is a folder"), (self.folder / "none", "No such file")):
            self.refused(3, "archive", words, path, "--registry", self.embedded.host)

    def test_text_after_the_archive_is_ignored(self):
        good = tar(docker_entries(make_image(41, "app:1")))
        for rest in (b"Saved 1 image.\n" * 40, b"\0" * 3_000_000):
            for registry in self.registries:
                digests = set()
                for data in (good, good + rest):
                    for archive, stdin in ((self.file(data), None), ("-", data)):
                        to = f"{registry.host}/{self.fresh()}:1"
                        digests |= set(self.pushed(archive, "--to", to, stdin=stdin).references.values())
                        pull(to, self.folder / self.fresh())
                self.assertEqual(len(digests), 1)

    def test_ten_gigabytes_of_zeros_after_the_end(self):
        """What follows an archive is read for the producer's sake, but not for ever."""
        archive, size = tar(docker_entries(make_image(42, "app:1", size=200_000))), 10 * 2**30
        name = self.fresh()
        expected = self.pushed(self.file(archive), "--to", f"{self.embedded.host}/{name}:1").references.values()
        sparse = self.file(archive, "sparse.tar")
        os.truncate(sparse, size)
        for registry in self.registries:
            script = f"cat '{self.folder}/archive.tar'; head -c {size} /dev/zero"
            with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as producer:
                for source, stdin in (("-", producer.stdout), (sparse, None)):
                    result = self.pushed(source, "--to", f"{registry.host}/{self.fresh()}:1", stdin=stdin)
                    self.assertEqual(list(result.references.values()), list(expected))
                    self.assertLess(result.summary["bytes_read"], len(archive) + 2**20, result)
                producer.stdout.close()
            self.assertNotEqual(producer.returncode, 0)  # it was not read to its end


class PartialPushes(BadInputCase):
    def expect_others_pushed(self, data: bytes, bad: str, words: str):
        for registry in self.registries:
            for archive, stdin in ((self.file(data), None), ("-", data)):
                name = self.fresh()
                where = ("--registry", f"{registry.host}/{name}")
                result = tarpon("push", "--json", archive, *where, stdin=stdin)
                self.assertEqual(result.code, 7, result)
                self.assertEqual(len(result.error_lines), 1, result)
                self.assertRegex(result.error_lines[0], words)
                self.assertEqual((result.summary["images"], result.summary["failed"]), (2, 1), result)
                self.assertEqual([event["class"] for event in result.of("error")], ["archive"])
                good = {f"{registry.host}/{name}/{one}:1" for one in ("a", "b", "c") if one != bad}
                self.assertEqual(set(result.references), good)
                for reference in good:
                    self.assertEqual(pull(reference, self.folder / self.fresh()).digest, result.references[reference])
                self.assertEqual(registry.names_stored(f"{name}/{bad}"), [])

    def images(self, seed: int) -> list[Image]:
        return [make_image(seed + i, f"{name}:1", size=90_000) for i, name in enumerate("abc")]

    def test_a_missing_layer_of_one_image(self):
        images = self.images(50)
        entries = docker_entries(*images)
        del entries[f"{sha256(images[1].layers[0])[7:]}/layer.tar"]
        self.expect_others_pushed(tar(entries), "b", "b:1.*is not in the archive")

    def test_a_damaged_layer_of_one_image(self):
        for entries_of in (docker_entries, oci_entries):
            images = self.images(60)
            data = tar(entries_of(*images, **({"compressed": False} if entries_of is oci_entries else {})))
            bad = flipped(data, data.index(images[2].layers[1]) + 5000)
            self.expect_others_pushed(bad, "c", "c:1.*other content")

    def test_a_bad_config_of_one_image(self):
        images = self.images(70)
        entries = docker_entries(*images)
        entries[sha256(images[0].config)[7:] + ".json"] = b"{}"
        self.expect_others_pushed(tar(entries), "a", "a:1.*config")

    def test_one_bad_archive_among_several(self):
        good, bad = self.folder / "good.tar", self.file(b"no archive", "bad.tar")
        good.write_bytes(tar(docker_entries(make_image(80, "app:1"))))
        for registry in self.registries:
            name = self.fresh()
            result = tarpon("push", "--json", bad, good, "--registry", f"{registry.host}/{name}")
            self.assertEqual(result.code, 7, result)
            self.assertEqual([event["archive"] for event in result.of("error")], [str(bad)])
            self.assertEqual(registry.tags(f"{name}/app"), ["1"])


class NoRegistries(BadInputCase):
    def setUp(self):
        super().setUp()
        self.data = tar(docker_entries(make_image(90, "app:1", size=90_000)))

    def expect(self, host, code, error_class, words):
        for archive, stdin in ((self.file(self.data), None), ("-", self.data)):
            with self.subTest(host=host, archive=str(archive)):
                self.refused(code, error_class, words, archive, "--registry", host, "--retries", "0",
                             stdin=stdin)

    def test_unknown_host(self):
        self.expect("no-such-host.invalid", 6, "network", "no-such-host.invalid does not resolve")

    def test_refused_connection(self):
        with closed_port() as host:
            self.expect(host, 6, "network", f"no connection to {host}")

    def test_answers_that_are_no_registry(self):
        own_words = b'{"errors":[{"code":"UNKNOWN","message":"words of the server"}]}'
        for status, code, error_class in ((404, 5, "registry"), (500, 5, "registry"), (503, 5, "registry"),
                                          (200, 5, "registry"), (401, 4, "auth"), (403, 4, "auth")):
            with http_server(always(status, own_words)) as host:
                self.expect(host, code, error_class, f"cause: .*{status}" if status != 404 else "no registry at")

    def test_a_host_that_speaks_no_http(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            def greet():
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    with connection:
                        connection.sendall(b"220 mail.example.com ESMTP\r\n")

            thread = threading.Thread(target=greet)
            thread.start()
            result = tarpon("push", "--json", self.file(self.data), "--registry",
                            f"127.0.0.1:{server.getsockname()[1]}")
            server.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        self.assertIn(result.code, (5, 6), result)
        self.assertEqual(len(result.error_lines), 1, result)


if __name__ == "__main__":
    unittest.main()
