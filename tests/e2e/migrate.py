"""Many archives in one run: what they share goes once, what is broken stops nobody, what is done is not done again.

TARPON_TEST_KILLS sets how often a run is killed (20 for the full measure), TARPON_TEST_SEED when.
"""
import fcntl
import gzip
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
import unittest
from collections import Counter
from pathlib import Path

from harness import PATIENCE, DockerRegistry, RegistryCase, Result, Running, needs, tarpon, wait_until
from images import Image, docker_entries, flipped, make_image, make_layer, noise, oci_entries, pull, tar
from many_archives import write_many
from resume import CountingProxy

needs("docker-registry", "skopeo")

KILLS = int(os.environ.get("TARPON_TEST_KILLS", "3"))
SEED = int(os.environ.get("TARPON_TEST_SEED", "1"))


def access_lines(registry: DockerRegistry) -> list[tuple[str, str, int]]:
    """Method, target and status of every request."""
    found = []
    for line in (registry.folder / "log").read_text(errors="replace").splitlines():
        if 'msg="response completed"' not in line:
            continue
        method = re.search(r"http\.request\.method=(\S+)", line)[1]
        target = re.search(r'http\.request\.uri="?([^" ]+)', line)[1]
        found.append((method, target, int(re.search(r"http\.response\.status=(\d+)", line)[1])))
    return found


def tags_written(registry: DockerRegistry, below: str) -> Counter:
    """How often each tag was put."""
    return Counter(target for method, target, status in access_lines(registry)
                   if method == "PUT" and status == 201 and f"/v2/{below}/" in target and "/manifests/" in target)


def blobs_put(registry: DockerRegistry, below: str) -> Counter:
    """How often each digest was committed, in whichever repository."""
    found = Counter()
    for method, target, status in access_lines(registry):
        committed = re.search(r"digest=(sha256(?::|%3A)[0-9a-f]{64})", target)
        if method == "PUT" and status == 201 and f"/v2/{below}/" in target and committed:
            found[committed[1].replace("%3A", ":")] += 1
    return found


class MigrateCase(RegistryCase):
    def setUp(self):
        super().setUp()
        self.sources = self.folder / "images"
        self.sources.mkdir()
        self.journal = self.folder / "journal.db"

    def put(self, name: str, content: bytes) -> Path:
        path = self.sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def migrate(self, base: str, *options, code: int = 0) -> Result:
        result = tarpon("migrate", "--json", self.sources, "--registry", base, "--journal", self.journal, *options)
        self.assertEqual(result.code, code, result)
        return result

    def rows(self, query: str) -> list[tuple]:
        with sqlite3.connect(self.journal) as database:
            return database.execute(query).fetchall()

    def assert_journal_is_whole(self) -> None:
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])

    def uploads(self, result: Result) -> Counter:
        return Counter(one["digest"] for one in result.of("blob") if one["status"] == "uploaded")


class SharedBlobs(MigrateCase):
    def make(self) -> None:
        """Two layers that all have, one of their own; three repositories, two layouts, one outer compression."""
        shared = [make_layer(1, 300_000), make_layer(2, 50_000)]
        for i in range(9):
            image = Image([*shared, make_layer(10 + i, 20_000)], [f"team/app{i % 3}:{i}"])
            self.put(f"sub{i % 2}/{i}.tar", tar(docker_entries(image)))
        oci = Image([make_layer(3, 200_000)], ["team/oci:1"])
        self.put("oci1.tar", tar(oci_entries(oci)))
        self.put("oci2.tar", tar(oci_entries(Image(oci.layers, ["team/other:1"]))))
        self.put("packed.tar.gz", gzip.compress(tar(docker_entries(make_image(40, "team/packed:1")))))

    def test_go_once_and_are_mounted_elsewhere(self):
        self.make()
        for registry in self.registries:
            with self.subTest(registry=type(registry).__name__):
                name = self.fresh()
                self.journal = self.folder / f"{name}.db"
                base = f"{registry.host}/{name}"
                result = self.migrate(base)
                self.assertEqual(result.error_lines, [], result)
                self.assertEqual(len(result.references), 12)
                self.assertEqual(set(self.uploads(result).values()), {1}, result)
                if registry is self.docker:
                    self.assertEqual(set(blobs_put(registry, name).values()), {1})
                    self.assertEqual(set(tags_written(registry, name).values()), {1})
                for i, (reference, digest) in enumerate(result.references.items()):
                    self.assertEqual(pull(reference, self.folder / f"{name}{i}").digest, digest)
                (plan,) = result.of("plan")
                self.assertEqual((plan["archives"], plan["images"], plan["images_done"]), (12, 12, 0))
                # layers: 2 shared, 9 of their own, 1 of the OCI archives, 2 packed; configs: 9, 1 and 1
                self.assertEqual(plan["blobs"], 25)
                self.assertGreater(plan["shared_bytes"], 8 * 300_000)
                again = self.migrate(base)
                self.assertEqual((again.of("image"), again.of("blob")), ([], []), again)
                self.assertEqual({one["reference"]: one["digest"] for one in again.of("skipped")}, result.references)
                self.assertEqual(again.summary["bytes_sent"], 0)
                self.assert_journal_is_whole()

    def test_bytes_on_the_wire_are_those_of_different_blobs(self):
        layer = noise(7, 2_000_000)
        shared = tar({"noise": layer})
        for i in range(20):
            self.put(f"{i}.tar", tar(docker_entries(Image([shared, make_layer(i)], [f"app{i}:1"]))))
        proxy = self.enterContext(CountingProxy(self.embedded.host))
        self.migrate(f"{proxy.host}/{self.fresh()}")
        self.assertGreater(proxy.sent, 2_000_000)
        self.assertLess(proxy.sent, 2_400_000)

    def test_plan_says_what_a_run_then_does(self):
        self.make()
        (self.sources / "packed.tar.gz").unlink()
        base = f"{self.docker.host}/{self.fresh()}"
        planned = self.migrate(base, "--plan")
        self.assertEqual(self.docker.names_stored(base.split("/")[1]), [])
        plan = planned.of("plan")[-1]
        self.assertEqual(plan["bytes_to_send"], plan["blob_bytes"])
        self.assertEqual(plan["bytes_present"], 0)
        self.assertEqual(sum(one["bytes_to_read"] for one in planned.of("plan")[:-1]), plan["bytes_to_send"])
        result = self.migrate(base)
        uploaded = [one for one in result.of("blob") if one["status"] == "uploaded"]
        self.assertEqual(len(uploaded), plan["blobs"])
        configs = sum(one["size"] for one in uploaded if not one["diff_id"] and "/team/app" in one["repository"])
        self.assertEqual(result.summary["bytes_read"] + configs, plan["bytes_to_send"], result)
        self.journal = self.folder / "other.db"
        after = self.migrate(base, "--plan").of("plan")[-1]
        self.assertEqual((after["bytes_to_send"], after["bytes_present"]), (0, plan["blob_bytes"]))
        text = tarpon("migrate", self.sources, "--registry", base, "--plan")
        self.assertEqual((text.code, len(text.stdout.splitlines())), (0, 8), text)
        self.assertRegex(text.stdout, r"(?m)^images +11$")


class BadArchives(MigrateCase):
    def test_are_reported_and_the_others_go(self):
        good = {f"{i:03}.tar": tar(docker_entries(make_image(i + 1, f"app{i % 7}:{i}", layers=1))) for i in range(100)}
        for name, content in good.items():
            self.put(name, content)
        broken = {"003.tar": (b"this is no tar at all", "tar"), "017.tar": (good["017.tar"][:2000], "ends at byte"),
                  "044.tar": (b"", "empty"), "071.tar": (tar({"file": b"no image"}), "manifest.json"),
                  "099.tar": (flipped(good["099.tar"], 2 * 512 + 40), "digest|diff_id|content")}
        for name, (content, _) in broken.items():
            self.put(name, content)
        base = f"{self.embedded.host}/{self.fresh()}"
        result = self.migrate(base, code=7)
        self.assertEqual((len(result.references), result.summary["failed"]), (95, 5), result)
        reasons = {Path(one["archive"]).name: one["message"] + str(one["cause"]) for one in result.of("error")}
        self.assertEqual(set(reasons), set(broken))
        for name, (_, words) in broken.items():
            self.assertRegex(reasons[name], words)
            self.put(name, good[name])
        mended = self.migrate(base)
        self.assertEqual({Path(one["archive"]).name for one in mended.of("image")}, set(broken))
        self.assertEqual(len(mended.of("skipped")), 95)
        self.assertEqual(len(self.rows("SELECT 1 FROM image WHERE state = 'done'")), 100)

    def test_fail_fast_stops_at_the_first(self):
        self.put("a.tar", b"no tar")
        base = f"{self.embedded.host}/{self.fresh()}"
        result = self.migrate(base, "--fail-fast", code=3)
        self.assertEqual(len(result.of("error")), 1, result)

    def test_two_images_of_one_name_are_both_refused(self):
        for i in (1, 2):
            self.put(f"{i}.tar", tar(docker_entries(make_image(i, "app:1"))))
        self.put("3.tar", tar(docker_entries(make_image(3, "app:3"))))
        base = f"{self.embedded.host}/{self.fresh()}"
        result = self.migrate(base, code=7)
        self.assertEqual(list(result.references), [f"{base}/app:3"])
        self.assertEqual(len(result.of("error")), 2, result)
        for one in result.of("error"):
            self.assertIn("app:1 would be written from", one["message"])

    def test_the_same_image_twice_is_no_contest(self):
        content = tar(docker_entries(make_image(1, "app:1")))
        for name in ("a.tar", "b.tar", "c.tar"):
            self.put(name, content)
        self.put("d.tar.gz", gzip.compress(content))
        base = f"{self.docker.host}/{self.fresh()}"
        result = self.migrate(base)
        self.assertEqual(sorted(one["status"] for one in result.of("image")), ["pushed"] + 3 * ["unchanged"], result)
        for _ in range(2):
            again = self.migrate(base)
            self.assertEqual((again.of("image"), len(again.of("skipped"))), ([], 4), again)
            self.assertEqual(again.summary["requests"], 0)

    def test_packed_ones_with_one_name(self):
        for i in (1, 2):
            self.put(f"{i}.tar.gz", gzip.compress(tar(docker_entries(make_image(i, "app:1")))))
        self.put("3.tar.gz", gzip.compress(tar(docker_entries(make_image(3, "app:3")))))
        base = f"{self.embedded.host}/{self.fresh()}"
        for expected in ("image", "skipped"):
            result = self.migrate(base, code=7)
            self.assertEqual([one["reference"] for one in result.of(expected)], [f"{base}/app:3"], result)
            for one in result.of("error"):
                self.assertIn("app:1 would be written from", one["message"])
            self.assertEqual(len(result.of("error")), 2, result)


class Interrupted(MigrateCase):
    def prepare(self, archives: int = 60) -> dict[str, str]:
        """Reference (without host and prefix) -> digest, of an undisturbed run."""
        write_many(self.sources, archives, 400_000, repositories=7)
        base = f"{self.embedded.host}/{self.fresh()}"
        result = tarpon("migrate", "--json", self.sources, "--registry", base)
        self.assertEqual(result.code, 0, result)
        return {name.removeprefix(base): digest for name, digest in result.references.items()}

    def start(self, base: str) -> Running:
        return Running("migrate", "--json", self.sources, "--registry", base, "--journal", self.journal)

    def test_killed_at_random_moments(self):
        expected = self.prepare()
        rounds = random.Random(SEED)
        print(f"seed {SEED}, {KILLS} kills", flush=True)
        name = self.fresh()
        base = f"{self.docker.host}/{name}"
        step = max(1, len(expected) // (KILLS + 1))
        for number in range(KILLS):
            with self.start(base) as run:
                goal = rounds.randint(1, 2 * step)
                wait_until(lambda: run.output().count('"event":"image"') >= goal or run.process.poll() is not None,
                           f"{goal} images")
                time.sleep(rounds.random() * 0.02)
                run.process.send_signal(signal.SIGKILL)
                run.process.wait()
            if self.journal.exists():
                self.assert_journal_is_whole()
        result = self.migrate(base)
        found = {one["reference"].removeprefix(base): one["digest"] for one in [*result.of("image"), *result.of("skipped")]}
        self.assertEqual(found, expected)
        written = tags_written(self.docker, name)
        self.assertEqual((set(written.values()), len(written)), ({1}, len(expected)))
        self.assert_journal_is_whole()
        done = dict(self.rows("SELECT reference, digest FROM image WHERE state = 'done'"))
        self.assertEqual({name.removeprefix(base): digest for name, digest in done.items()}, expected)

    def test_sigint_leaves_a_journal_to_go_on_with(self):
        expected = self.prepare(40)
        base = f"{self.docker.host}/{self.fresh()}"
        with self.start(base) as run:
            wait_until(lambda: run.output().count('"event":"image"') >= 3, "3 images")
            run.process.send_signal(signal.SIGINT)
            result = run.finish()
        self.assertEqual(result.code, 130, result)
        self.assertEqual([one["class"] for one in result.of("error")], ["interrupted"], result)
        self.assertGreaterEqual(len(result.of("image")), 3)
        self.assertEqual(len(result.of("image")), result.summary["images"])
        done = dict(self.rows("SELECT reference, digest FROM image WHERE state = 'done'"))
        self.assertEqual(done, result.references)
        rest = self.migrate(base)
        self.assertEqual(len(rest.of("skipped")), len(done))
        self.assertEqual({**rest.references, **done}, {base + name: digest for name, digest in expected.items()})

    def test_sigint_while_a_list_is_being_written(self):
        for written in (b"", b"a.tar\n", b'"half a na'):
            self.journal = self.folder / f"{len(written)}.db"
            with Running("migrate", "--json", "@-", "--registry", f"{self.embedded.host}/{self.fresh()}",
                         "--journal", self.journal, stdin=subprocess.PIPE) as run:
                run.feed(written)
                wait_until(lambda: Path(f"{self.journal}.lock").exists(), "the journal is open")
                time.sleep(0.2)
                run.process.send_signal(signal.SIGINT)
                run.process.wait(timeout=PATIENCE)  # its input is still open
                result = run.finish()
            self.assertEqual(result.code, 130, result)

    def test_two_runs_on_one_journal(self):
        self.prepare(5)
        base = f"{self.docker.host}/{self.fresh()}"
        with open(f"{self.journal}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            result = self.migrate(base, code=2)
        self.assert_one_error(result, 2, "usage", "another run uses the journal")
        self.migrate(base)


class Journal(MigrateCase):
    def test_changed_archives_are_noticed(self):
        images = [make_image(i, f"app:{i}", layers=1) for i in range(4)]
        for i, image in enumerate(images):
            self.put(f"{i}.tar", tar(docker_entries(image)))
        base = f"{self.embedded.host}/{self.fresh()}"
        first = self.migrate(base)
        self.put("0.tar", tar(docker_entries(make_image(9, "app:0", layers=1))))  # another image
        os.utime(self.sources / "1.tar", (1, 1))  # only touched
        (self.sources / "2.tar").write_bytes((self.sources / "2.tar").read_bytes() + b"\0" * 10240)  # only padded
        second = self.migrate(base)
        self.assertEqual(list(second.references), [f"{base}/app:0"], second)
        self.assertNotEqual(second.references[f"{base}/app:0"], first.references[f"{base}/app:0"])
        self.assertEqual(len(second.of("skipped")), 3)
        third = self.migrate(base)
        self.assertEqual((third.of("image"), len(third.of("skipped"))), ([], 4), third)

    def test_other_options_are_another_image(self):
        self.put("a.tar", tar(docker_entries(make_image(1, "app:1"))))
        base = f"{self.embedded.host}/{self.fresh()}"
        first = self.migrate(base)
        zstd = self.migrate(base, "--compression", "zstd")
        self.assertNotEqual(zstd.references, first.references)
        self.assertEqual(self.migrate(base, "--compression", "zstd").of("image"), [])

    def test_of_another_destination(self):
        self.put("a.tar", tar(docker_entries(make_image(1, "app:1"))))
        self.migrate(f"{self.embedded.host}/{self.fresh()}")
        result = self.migrate(f"{self.embedded.host}/{self.fresh()}", code=2)
        self.assert_one_error(result, 2, "usage", "is of a migration to")

    def test_damaged(self):
        self.put("a.tar", tar(docker_entries(make_image(1, "app:1"))))
        base = f"{self.embedded.host}/{self.fresh()}"
        self.migrate(base)
        whole = self.journal.read_bytes()
        damaged = whole[:4096] + b"\xff" * 4096 + whole[8192:]
        self.journal.write_bytes(damaged)
        result = self.migrate(base, code=1)
        self.assertEqual(len(result.error_lines), 1, result)
        self.assertIn(str(self.journal), result.error_lines[0])
        self.assertEqual(self.journal.read_bytes(), damaged)
        other = self.folder / "other.db"
        with sqlite3.connect(other) as database:
            database.execute("CREATE TABLE t(a)")
        self.journal = other
        self.assert_one_error(self.migrate(base, code=2), 2, "usage", "is no journal")

    def test_a_name_that_is_an_archives(self):
        archive = self.put("a.tar", tar(docker_entries(make_image(1, "app:1"))))
        before = archive.read_bytes()
        self.journal = archive
        result = self.migrate(f"{self.embedded.host}/{self.fresh()}", code=2)
        self.assert_one_error(result, 2, "usage", "is no journal")
        self.assertNotIn("mv ", result.stderr)
        self.assertEqual((archive.read_bytes(), list(self.sources.iterdir())), (before, [archive]))

    def test_default_place_is_in_the_state(self):
        self.put("a.tar", tar(docker_entries(make_image(1, "app:1"))))
        base = f"{self.embedded.host}/{self.fresh()}"
        state = self.folder / "state"
        env = {"TARPON_NO_STATE": "0", "XDG_STATE_HOME": str(state)}
        for expected in ("image", "skipped"):
            result = tarpon("migrate", "--json", self.sources, "--registry", base, env=env)
            self.assertEqual((result.code, len(result.of(expected))), (0, 1), result)
        self.assertEqual(len(list((state / "tarpon" / "migrate").glob("*.db"))), 1)


if __name__ == "__main__":
    unittest.main()
