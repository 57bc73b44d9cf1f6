"""What a person sees when something goes wrong, and what nobody may see.

Every failure is one `tarpon: error:` line that says what failed on what, with the other side's words as `cause` and
something to type as `hint` where there is something; nothing on standard output but, with --json, the events, the
summary last. Secrets are in no output at any log level. Bad archives and absent registries have bad_input.py.
"""
import base64
import itertools
import json
import re
import socket
import subprocess
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from harness import (Case, DockerRegistry, EmbeddedRegistry, QuietHandler, always, closed_port, environment,
                     http_server, needs, tarpon)
from images import docker_entries, make_image, noise, tar

needs("docker-registry", "htpasswd")

USER, SECRET = "marker-user", "marker/secret+7Zq&x"


class ErrorCase(Case):
    def archive(self) -> Path:
        return self.file(tar(docker_entries(make_image(1, "app:1"))))

    def expect(self, code: int, error_class: str, message: str, *arguments, cause: str = "", hint: str = "", **how):
        """One error, for people and for programs. Patterns match whole lines; no pattern, no such line."""
        for_people = tarpon(*arguments, **how)
        self.assertEqual(for_people.code, code, for_people)
        self.assertEqual(for_people.stdout, "", for_people)
        lines = [line for line in for_people.stderr.splitlines() if not line.startswith("tarpon: warning: ")]
        expected = [f"tarpon: error: {message}"]
        expected += [f"  cause: {cause}"] if cause else []
        expected += [f"  hint: {hint}"] if hint else []
        said = [line for line in lines if not re.match("tarpon: 0 references pushed, 1 failed; ", line)]
        self.assertEqual(len(said), len(expected), for_people)
        for line, pattern in zip(said, expected):
            self.assertRegex(line, f"^{pattern}$", for_people)
        verb, *rest = arguments
        for_programs = tarpon(verb, "--json", *rest, **how)
        self.assertEqual(for_programs.code, code, for_programs)
        (event,) = for_programs.of("error")
        self.assertEqual(event["class"], error_class, for_programs)
        self.assertRegex(event["message"], f"^{message}$")
        self.assertRegex(event["cause"] or "", f"^{cause}$")
        self.assertRegex(event["hint"] or "", f"^{hint}$")
        if verb == "push":
            self.assertEqual((for_programs.summary["images"], for_programs.summary["failed"]), (0, 1), for_programs)
        else:
            self.assertEqual(len(for_programs.events), 1, for_programs)
        return for_people, for_programs


class Usage(ErrorCase):
    def test_arguments(self):
        archive = self.archive()
        help_of_push = "tarpon push --help"
        self.expect(2, "usage", "tarpon push has no option --regstry", "push", archive, "--regstry", "x",
                    hint=f"--registry is one; {help_of_push}")
        self.expect(2, "usage", "tarpon push has no option --journal", "push", archive, "--journal", "x",
                    hint=help_of_push)
        self.expect(2, "usage", "tarpon push needs an archive", "push", "--registry", "r.example", hint=help_of_push)
        self.expect(2, "usage", "where to[?] give --registry .* or --to .*", "push", archive)
        self.expect(2, "usage", "--registry and --to cannot be used together", "push", archive,
                    "--registry", "r.example", "--to", "r.example/a:1")
        self.expect(2, "usage", "--registry: \"-bad\" is not a host name", "push", archive, "--registry=-bad")
        self.expect(2, "usage", "--to: .*upper case 'A'.*", "push", archive, "--to", "r.example/App:1")
        self.expect(2, "usage", "--jobs: .*", "push", archive, "--jobs", "0", hint=help_of_push)
        self.expect(2, "usage", "--memory.*not a size.*", "push", archive, "--memory", "lots")

    def test_values_that_other_options_do_not_allow(self):
        to = ("push", self.archive(), "--registry", "localhost:1")
        self.expect(2, "usage", "--memory must be at least 12.0 MiB", *to, "--memory", "1M")
        self.expect(2, "usage", "--memory must be at least 16.0 MiB for zstd", *to, "--memory", "12M",
                    "--compression", "zstd")
        self.expect(2, "usage", "--compression-level: .* 15 is out of range .1 to 9.", *to, "--compression-level", "15")
        self.expect(2, "usage", "TARPON_COMPRESSION_LEVEL: .* out of range .*", *to,
                    env={"TARPON_COMPRESSION_LEVEL": "15"})

    def test_more_memory_than_there_can_be(self):
        for size in ("1025G", "100000G"):
            self.expect(2, "usage", r"--memory must be at most .* \(buffer_memory_bytes_max\)", "push", self.archive(),
                        "--registry", "localhost:1", "--memory", size)

    def test_one_input_for_two_archives(self):
        self.expect(2, "usage", r"standard input \(-\) can be read once.*", "push", "-", self.archive(), "-",
                    "--registry", "localhost:1")

    def test_the_environment_asks_for_json_too(self):
        result = tarpon("push", "--bogus", env={"TARPON_JSON": "1"})
        self.assertEqual([event["event"] for event in result.events], ["error", "summary"], result)
        self.assertEqual(result.code, 2, result)

    def test_a_file_that_is_not_there(self):
        for verb, more in (("push", ("--registry", "r.example")), ("inspect", ())):
            self.expect(3, "archive", ".*/none.tar: No such file or directory", verb, self.folder / "none.tar", *more)


    def test_a_file_of_an_option_that_cannot_be_used(self):
        none, broken = self.folder / "none.pem", self.file(b"no certificate", "broken.pem")
        to = ("push", self.archive(), "--registry", "localhost:1")
        for options, what in ((("--ca-file", none), "CA file"),
                              (("--cert-file", none, "--key-file", broken), "certificate"),
                              (("--ca-file", broken), "CA file")):
            file = options[1]
            self.expect(2, "usage", f"cannot read the {what} {file}", *to, *options,
                        cause="No such file or directory.*" if file == none else ".+")


    def test_places_that_are_not_there(self):
        none = self.folder / "none"
        to = ("push", self.archive(), "--registry", "localhost:1")
        for option, what in (("--authfile", "file"), ("--certs-dir", "folder"), ("--spool", "folder")):
            self.expect(2, "usage", f"cannot use the {what} {none} of {option}", *to, option, none,
                        cause="No such file or directory")
        file = self.file(b"x", "file")
        for option in ("--certs-dir", "--spool"):
            self.expect(2, "usage", f"cannot use the folder {file} of {option}", *to, option, file,
                        cause="Not a directory")


class Registries(ErrorCase):
    def push(self, host: str):
        return "push", self.archive(), "--registry", host

    def test_nobody_listens(self):
        with closed_port() as host:
            self.expect(6, "network", f".*no connection to {host}", *self.push(host), cause="Connection refused")

    def test_an_unknown_host(self):
        self.expect(6, "network", ".*no-such-host.invalid does not resolve", *self.push("no-such-host.invalid"),
                    cause="Host not found.*")

    def test_a_web_server_that_is_no_registry(self):
        with http_server(always(404, b"<html>not here</html>")) as host:
            self.expect(5, "registry", f".*no registry at.*{host}.*", *self.push(host), cause=".*404.*")

    def refusing_uploads(self, status: int, code: str, words: str):
        """HOST:PORT of a registry that has nothing and opens no upload."""
        body = json.dumps({"errors": [{"code": code, "message": words}]}).encode()

        class Handler(QuietHandler):
            def respond(self):
                self.read_body()
                if self.path == "/v2/":
                    return self.answer(200)
                self.answer(status if self.command == "POST" else 404, body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond

        return http_server(Handler)

    def test_an_unknown_repository(self):
        with self.refusing_uploads(404, "NAME_UNKNOWN", "repository name not known to registry") as host:
            self.expect(5, "registry", f".*{host} refused to open an upload in app", *self.push(host),
                        cause='404 NAME_UNKNOWN "repository name not known to registry"',
                        hint=f"create the repository app .* in {host} first")

    def test_no_permission(self):
        with self.refusing_uploads(403, "DENIED", "requested access to the resource is denied") as host:
            self.expect(4, "auth", f".*{host} refused to open an upload in app", *self.push(host),
                        cause='403 DENIED "requested access to the resource is denied"',
                        hint="use an account that may push to app")

    def test_a_full_project(self):
        words = "adding 2.1 MiB of storage resource will exceed the configured upper limit of 10.0 MiB."
        for status in (403, 412):
            with self.refusing_uploads(status, "DENIED", words) as host:
                self.expect(5, "registry", f".*{host} refused to open an upload in app", *self.push(host),
                            cause=f'{status} DENIED "{re.escape(words)}"',
                            hint="make room in app, or have its quota raised")

    def test_a_registry_that_fails(self):
        words = b'{"errors":[{"code":"UNKNOWN","message":"the disk is on fire"}]}'
        with http_server(always(500, words)) as host:
            self.expect(5, "registry", f".*{host}.*", *self.push(host), "--retries", "0",
                        cause=".*500.*the disk is on fire.*")

    def test_words_of_the_other_side_cannot_write_on_the_terminal(self):
        words = json.dumps({"errors": [{"code": "DENIED", "message": "a\x1b[2J\r\nb\x9b" + "c" * 5000}]}).encode()
        with http_server(always(403, words)) as host:
            people, programs = self.expect(4, "auth", f".*{host}.*", *self.push(host), cause=".*403.*", hint=".*")
        for text in (people.stderr, programs.stderr, programs.of("error")[0]["cause"]):
            self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]")
            self.assertLess(len(text), 3000)


class Secrets(ErrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tarpon-e2e-")))
        file = folder / "htpasswd"
        hashed = subprocess.run(["htpasswd", "-niB", USER], input=SECRET.encode(), capture_output=True,
                                env=environment(), check=True)
        file.write_bytes(hashed.stdout)
        cls.registry = cls.enterClassContext(DockerRegistry(folder / "registry", file))

    def assert_no_secret(self, result, *secrets: str):
        for secret in secrets or (SECRET,):
            pair = f"{USER}:{secret}".encode()
            forms = {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret), json.dumps(secret)[1:-1],
                     base64.b64encode(secret.encode()).decode().rstrip("="), base64.b64encode(pair).decode().rstrip("=")}
            for form in forms:
                self.assertNotIn(form, result.stdout + result.stderr)

    def every_way(self, password: str):
        """Arguments, input and environment that say the same password."""
        yield ("--username", USER, "--password", password), {}
        yield ("--username", USER, "--password-stdin"), {"stdin": password.encode() + b"\n"}
        yield ("--username", USER), {"env": {"TARPON_PASSWORD": password}}
        yield (), {"env": {"TARPON_USERNAME": USER, "TARPON_PASSWORD": password}}

    def test_the_right_password_pushes_and_is_shown_nowhere(self):
        archive = self.archive()
        for output, (credentials, how) in itertools.product(((), ("--json",)), self.every_way(SECRET)):
            to = f"{self.registry.host}/{self.fresh()}:1"
            result = tarpon("push", archive, "--to", to, *credentials, *output, "--log-level", "trace", **how)
            self.assertEqual(result.code, 0, result)
            self.assert_no_secret(result)
            warned = "--password-stdin" in result.stderr
            self.assertEqual(warned, "--password" in credentials, result)

    def test_a_wrong_password(self):
        to = f"{self.registry.host}/{self.fresh()}:1"
        for credentials, how in self.every_way(SECRET + "x"):
            for result in self.expect(4, "auth", f".*{re.escape(self.registry.host)}.*", "push", self.archive(),
                                      "--to", to, *credentials, cause=".*401.*", **how):
                self.assert_no_secret(result)
            result = tarpon("push", self.archive(), "--to", to, *credentials, "--log-level", "trace", **how)
            self.assertEqual(result.code, 4, result)
            self.assert_no_secret(result)

    def test_no_password(self):
        self.expect(4, "auth", f".*{re.escape(self.registry.host)}.*", "push", self.archive(), "--registry",
                    self.registry.host, cause=".*401.*", hint=".*--username.*")

    def test_failures_of_every_other_kind(self):
        archive, credentials = self.archive(), ("--username", USER, "--password", SECRET, "--log-level", "trace")
        broken = self.file(b"no archive at all", "broken.tar")
        with closed_port() as closed, http_server(always(500)) as failing, http_server(always(403)) as denying:
            for arguments in ((archive, "--registry", closed), (archive, "--registry", failing, "--retries", "1"),
                              (archive, "--registry", denying), (broken, "--registry", self.registry.host),
                              (archive, "--registry", "no-such-host.invalid"), (archive, "--to", "BAD"),
                              (archive, "--registry", f"http://{USER}:{SECRET}@{closed}"),
                              (archive, "--to", f"{USER}:{SECRET}@{closed}/app:1"),
                              (archive, "--registry", closed, f"--pasword={SECRET}"),
                              (archive, "--registry", closed, "--bogus", SECRET)):
                for output in ((), ("--json",)):
                    result = tarpon("push", *arguments, *credentials, *output)
                    self.assertNotEqual(result.code, 0, result)
                    self.assert_no_secret(result)

    def test_addresses_hold_no_passwords(self):
        words, hint = "what stands before '@' does not belong into an address", "--username NAME --password-stdin"
        for option in ("--registry", "--to", "--staging"):
            self.expect(2, "usage", f"{option}: {words}", "push", self.archive(), option,
                        f"{USER}:{SECRET}@r.example/app", hint=hint)
        for verb in ("login", "logout"):
            result = tarpon(verb, f"https://{USER}:{SECRET}@localhost:1")
            self.assertEqual((result.code, result.stdout), (2, ""), result)
            self.assertEqual(result.stderr, f"tarpon: error: HOST: {words}\n  hint: {hint}\n")

    def test_a_host_that_is_none(self):
        for verb in ("login", "logout"):
            result = tarpon(verb, "no host", *(("-u", "u", "-p", "p") if verb == "login" else ()))
            self.assertEqual(result.code, 2, result)
            self.assertEqual(result.error_lines, ['tarpon: error: "no host" is not a host name'])


class Serving(ErrorCase):
    def serve(self, *arguments):
        return "serve", "--listen", "127.0.0.1:0", *arguments

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.expect(2, "usage", f"cannot listen on {address}", "serve", "--listen", address, "--storage",
                        self.folder / "storage", cause="Address already in use", hint=".*--listen.*")

    def test_addresses_that_are_none(self):
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:99999", "example.com:80", "127.0.0.1:x"):
            self.expect(2, "usage", f"\"{address}\" is not ADDRESS:PORT", "serve", "--listen", address, "--storage",
                        self.folder / "storage")
        self.assertFalse((self.folder / "storage").exists(), "made for an address that is none")
        self.expect(2, "usage", "cannot listen on 192.0.2.1:5000", "serve", "--listen", "192.0.2.1:5000", "--storage",
                    self.folder / "storage", "--allow-anonymous", cause="Cannot assign requested address")

    def test_a_storage_that_cannot_be_used(self):
        file = self.file(b"x", "file")
        for storage, cause in ((file, "Not a directory"), (file / "below", "Not a directory"),
                               (self.folder / "no" / "parent", "No such file or directory"),
                               (Path("/proc/storage"), "No such file or directory|Operation not permitted")):
            self.expect(2, "usage", f"cannot use the storage {storage}", *self.serve("--storage", storage), cause=cause)

    def test_a_storage_that_is_served_already(self):
        with EmbeddedRegistry(self.folder) as registry:
            self.expect(2, "usage", f"cannot use the storage {registry.storage}: another process serves it",
                        *self.serve("--storage", registry.storage))
            self.assertEqual(registry.request("GET", "/v2/").status, 200)

    def test_an_option_it_does_not_have(self):
        self.expect(2, "usage", "tarpon serve has no option --quota", *self.serve("--quota", "x"),
                    hint="tarpon serve --help")

    def test_a_password_file_that_is_not_there(self):
        missing = self.folder / "users"
        self.expect(2, "usage", f"cannot use the password file {missing}", *self.serve("--htpasswd", missing),
                    cause="No such file or directory")


class Inspecting(ErrorCase):
    def test_no_archive(self):
        self.expect(3, "archive", ".*not a tar archive.*", "inspect", self.file(noise(1, 5000)))
        self.expect(2, "usage", "tarpon inspect needs an archive", "inspect", hint="tarpon inspect --help")


if __name__ == "__main__":
    unittest.main()
