"""Standard streams that are closed, full, or whose other end is gone, as under cron, on full disks and in pipes.

A closed stream's number must not become that of a file or socket of the program, and results that nobody got are no
success.
"""
import unittest

from harness import RegistryCase, needs, tarpon
from images import docker_entries, make_image, tar

needs("docker-registry")


def with_streams(redirections: str) -> tuple[str, ...]:
    """A wrapper that sets them as a shell does."""
    return ("sh", "-c", f'exec "$@" {redirections}', "sh")


class ClosedInput(RegistryCase):
    def test_is_no_archive(self):
        for arguments in (("push", "-", "--registry", self.embedded.host), ("inspect", "-")):
            with self.subTest(arguments):
                result = tarpon(*arguments, wrapper=with_streams("<&-"))
                self.assertEqual(result.code, 3, result)
                self.assertEqual(result.error_lines, ["tarpon: error: cannot read standard input: it is not open"])
                self.assertIn(f"  hint: docker save IMAGE | tarpon {arguments[0]} -", result.stderr)

    def test_is_no_list_and_no_password(self):
        to = ("--registry", self.embedded.host)
        listed = tarpon("migrate", "@-", *to, wrapper=with_streams("<&-"))
        self.assertEqual(listed.code, 3, listed)
        self.assertIn("cause: standard input is not open", listed.stderr)
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        password = tarpon("push", archive, *to, "--username", "me", "--password-stdin", wrapper=with_streams("<&-"))
        self.assertEqual(password.code, 2, password)
        self.assertIn("standard input", password.stderr)

    def test_does_not_matter_where_a_file_is_pushed(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        self.pushed(archive, "--registry", f"{self.embedded.host}/{self.fresh()}", wrapper=with_streams("<&-"))


class ClosedErrors(RegistryCase):
    """Nobody hears of progress, warnings or errors; results and exit codes are the same."""

    def test_does_not_matter(self):
        archive = self.file(tar(docker_entries(make_image(4, "app:1"), make_image(5, "app:2"))))
        for options in ((), ("--progress", "plain", "--log-level", "trace"), ("--json",)):
            with self.subTest(options):
                name = self.fresh()
                to = ("--registry", f"{self.embedded.host}/{name}")
                result = tarpon("push", archive, *to, *options, wrapper=with_streams("2>&-"))
                self.assertEqual((result.code, result.stderr), (0, ""), result)
                pushed = ([event["reference"] for event in result.of("image")] if "--json" in options
                          else [line.split("@")[0] for line in result.stdout.splitlines()])
                self.assertEqual(sorted(pushed), [f"{self.embedded.host}/{name}/app:{tag}" for tag in (1, 2)])
                self.assertEqual(self.embedded.tags(f"{name}/app"), ["1", "2"])
        gone = tarpon("push", self.folder / "none", *to, wrapper=with_streams("2>&-"))
        self.assertEqual((gone.code, gone.stdout), (3, ""), gone)


class LostResults(RegistryCase):
    """On a full disk, on a closed stream, and where the reader is gone."""

    WAYS = {">/dev/full": "No space left on device", ">&-": "Bad file descriptor", "| true": "Broken pipe"}

    def setUp(self):
        super().setUp()
        self.archive = self.file(tar(docker_entries(make_image(2, "app:1"), make_image(3, "app:2"))))

    def expect_lost(self, *arguments):
        for how, cause in self.WAYS.items():
            with self.subTest(arguments, how=how):
                wrapper = with_streams(how)
                if how == "| true":
                    # Nobody reads from it from the beginning on.
                    wrapper = ("python3", "-c", "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1);"
                               " os.execvp(sys.argv[1], sys.argv[1:])")
                result = tarpon(*arguments, wrapper=wrapper)
                self.assertEqual(result.code, 1, result)
                self.assertEqual(result.error_lines, [
                    "tarpon: error: cannot write the results to standard output"], result)
                self.assertIn(f"  cause: {cause}\n", result.stderr)
                self.assertEqual(result.stdout, "")
                yield result

    def test_what_was_pushed_is_told_all_the_same(self):
        for verb in ("push", "migrate"):
            for options in ((), ("--json",), ("--quiet",)):
                name = self.fresh()
                base = f"{self.embedded.host}/{name}"
                for result in self.expect_lost(verb, self.archive, "--registry", base, *options):
                    for tag in ("1", "2"):
                        self.assertRegex(result.stderr, f"tarpon: pushed: {base}/app:{tag}@sha256:")
                self.assertEqual(self.embedded.tags(f"{name}/app"), ["1", "2"])

    def test_of_the_other_verbs(self):
        for arguments in (("inspect", self.archive), ("inspect", "--json", self.archive), ("help",), ("version",)):
            for _ in self.expect_lost(*arguments):
                pass

    def test_a_failed_push_keeps_its_own_exit_code(self):
        result = tarpon("push", "--json", self.folder / "none", "--registry", self.embedded.host,
                        wrapper=with_streams(">/dev/full"))
        self.assertEqual(result.code, 3, result)
        self.assertIn("cannot read", result.stderr)


if __name__ == "__main__":
    unittest.main()
