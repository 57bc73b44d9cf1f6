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

    def test_is_no_list_and_no_password(self):
        to = ("--registry", self.embedded.host)
        listed = tarpon("migrate", "@-", *to, wrapper=with_streams("<&-"))
        self.assertEqual(listed.code, 3, listed)
        self.assertIn("cause: standard input is not open", listed.stderr)
        password = tarpon("push", "-", *to, "--username", "me", "--password-stdin", wrapper=with_streams("<&-"))
        self.assertEqual(password.code, 2, password)

    def test_does_not_matter_where_a_file_is_pushed(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        self.pushed(archive, "--registry", f"{self.embedded.host}/{self.fresh()}", wrapper=with_streams("<&-"))


if __name__ == "__main__":
    unittest.main()
