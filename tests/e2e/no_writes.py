"""A push from standard input writes to sockets, pipes and its own output only.

strace sees every system call of every thread that names a file or makes one; what is opened to be read must be the
archive's own business, name resolution, certificates or the program's start.
"""
import gzip
import os
import re
import unittest

from harness import RegistryCase, Running, needs
from images import Image, docker_entries, fixture, make_image, oci_entries, tar

needs("docker-registry", "strace")

# Calls that create, change or remove a name, or change a file's size or content without a descriptor of ours.
CHANGING = ("creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat", "rename",
            "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "truncate", "ftruncate", "fallocate",
            "memfd_create", "chmod", "fchmodat", "chown", "fchownat", "utimensat", "setxattr", "copy_file_range")
OPENING = ("open", "openat", "openat2")
WRITING = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "splice", "tee", "vmsplice", "sendto",
           "sendmsg", "sendmmsg")
READABLE = re.compile("|".join((
    r"/etc/ld\.so\.(cache|preload)", r"/(usr/)?lib/.*\.so[.\d]*",  # the program's start
    r"/etc/(nsswitch\.conf|resolv\.conf|hosts|host\.conf|gai\.conf|services)",  # the resolver
    r"/(etc|usr/lib)/ssl/.*", r"/etc/(docker|containers)/certs\.d.*",  # certificates
    r".*/\.docker/config\.json", r".*/containers/auth\.json",  # credentials
    r"/(sys/devices/system/cpu|proc/self)/.*", r"/(proc/(cpuinfo|stat)|sys/fs/cgroup/.*)")))  # the machine


class Trace:
    """What strace wrote, of every thread."""

    def __init__(self, text: str):
        self.lines = text.splitlines()

    def calls(self, *names: str) -> list[str]:
        wanted = re.compile(r"^\d+ +(?:%s)\(" % "|".join(names))
        return [line for line in self.lines if wanted.match(line)]


class NoWrites(RegistryCase):
    def traced(self, data: bytes, *arguments):
        """Pushes `data` from a pipe in an empty folder under strace; (result, trace)."""
        log, empty = self.folder / self.fresh("strace"), self.folder / self.fresh("empty")
        empty.mkdir()
        what = ",".join(f"?{name}" for name in (*CHANGING, *OPENING, *WRITING))
        strace = ["strace", "--follow-forks", "--decode-fds=path", "-qq", "--string-limit=8", f"--trace={what}",
                  "--signal=none", f"--output={log}"]
        home = {"HOME": str(empty), "XDG_STATE_HOME": str(empty), "XDG_CACHE_HOME": str(empty), "TMPDIR": str(empty)}
        with Running("push", "--json", *arguments, stdin=data, env=home, cwd=empty, wrapper=strace) as run:
            result = run.finish()
        self.assertEqual(os.listdir(empty), [])
        return result, Trace(log.read_text())

    def expect_no_writes(self, trace: Trace):
        self.assertEqual(trace.calls(*CHANGING), [])
        for line in trace.calls(*OPENING):
            self.assertNotRegex(line, r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)")
            path = re.search(r'"([^"]*)"', line)
            # strace shortens data, but never a path.
            self.assertTrue(READABLE.fullmatch(path[1]), line)
        written = trace.calls(*WRITING)
        self.assertTrue(written)
        for line in written:
            target = re.search(r"\((\d+)<([^>]*)>", line)
            self.assertIsNotNone(target, line)
            own_output = target[1] in ("1", "2")
            self.assertTrue(own_output or re.match("(socket|pipe|anon_inode):", target[2]), line)

    def test_pushes_from_a_pipe(self):
        shared = make_image(2, size=200_000).layers
        several = tar(docker_entries(Image(shared, ["one:1"]),
                                     Image([*shared, *make_image(3, size=200_000).layers], ["two:1"])))
        archives = {
            "one docker image": (tar(docker_entries(make_image(1, "app:1", size=2_000_000))), []),
            "several repositories": (several, []),
            "OCI, plain layers recompressed": (
                tar(oci_entries(make_image(4, "app:1", size=300_000), compressed=False)), ["--compression", "zstd"]),
            "containerd export": (fixture("docker28-multi").path.read_bytes(), []),
        }
        for name, (data, options) in archives.items():
            for registry in self.registries:
                for packed in (data, gzip.compress(data, 1)):
                    with self.subTest(name, registry=type(registry).__name__, compressed=packed is not data):
                        where = ("--registry", f"{registry.host}/{self.fresh()}")
                        result, trace = self.traced(packed, "-", *where, *options)
                        self.assertEqual(result.code, 0, result)
                        self.expect_no_writes(trace)

    def test_a_push_that_fails(self):
        data = tar(docker_entries(make_image(5, "app:1", size=2_000_000)))
        result, trace = self.traced(data[:len(data) // 2], "-", "--registry", self.embedded.host)
        self.assertEqual(result.code, 3, result)
        self.expect_no_writes(trace)

    def test_what_is_spooled_is_seen(self):
        """The proof would notice: with --spool there is a file."""
        spool = self.folder / "spool"
        spool.mkdir()
        data = tar(docker_entries(make_image(6, "app:1", size=200_000)))
        result, trace = self.traced(data, "-", "--registry", self.embedded.host, "--spool", spool)
        self.assertEqual(result.code, 0, result)
        with self.assertRaises(AssertionError):
            self.expect_no_writes(trace)


if __name__ == "__main__":
    unittest.main()
