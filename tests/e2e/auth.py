"""Getting in: passwords, tokens that expire, credential files and helpers, login and logout.

Against Debian's docker-registry with htpasswd, and with token authentication by a small token server that signs
with RS256.
"""
import base64
import fcntl
import json
import os
import pty
import select
import signal
import stat
import subprocess
import termios
import time
import unittest
from pathlib import Path

from access import SecuredRegistry, TokenServer, htpasswd
from harness import TARPON, Case, Running, environment, needs, tarpon, wait_until
from images import docker_entries, fixture, make_image, noise, tar

needs("docker-registry", "htpasswd", "openssl")

USER, PASSWORD = "robot$ci", "s3cret:with:colons-MARKER"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

HELPER = """#!/bin/sh
# A credential helper that keeps everything in one file and notes what it was asked.
echo "$1" >> {folder}/helper.calls
input=$(cat)
case "$1" in
store) printf %s "$input" > {folder}/helper.kept ;;
get)
    echo "$input" >> {folder}/helper.asked
    [ -e {folder}/helper.kept ] || {{ echo "credentials not found in native keychain"; exit 1; }}
    cat {folder}/helper.kept ;;
erase) rm -f {folder}/helper.kept ;;
esac
"""


class AuthCase(Case):
    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.env = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run")}
        self.archive = fixture("docker28-single")

    def push(self, registry, *options, env=None, **how):
        return tarpon("push", "--json", self.archive.path, "--to", f"{registry.host}/{self.fresh('team/app')}:1", *options,
                      env={**self.env, **(env or {})}, **how)

    def assert_pushed(self, result):
        self.assertEqual(result.code, 0, result)
        self.assertEqual(len(result.of("image")), 1, result)

    def config(self, content: dict, name: str = ".docker/config.json") -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    def assert_no_secret(self, *texts):
        for text in texts:
            for secret in (PASSWORD, BASIC, "MARKER"):
                self.assertNotIn(secret, text)


class Passwords(AuthCase):
    def setUp(self):
        super().setUp()
        registry = SecuredRegistry(self.folder / "registry", password_file=htpasswd(self.folder, USER, PASSWORD))
        self.registry = self.enterContext(registry)

    def test_every_way_to_give_a_password(self):
        host = self.registry.host
        known = {"auths": {host: {"auth": BASIC}}}
        podman = self.config({"auths": {f"{host}/team": {"auth": BASIC}}}, "podman.json")
        ways = {
            "password-stdin": (["-u", USER, "--password-stdin"], {}, PASSWORD.encode() + b"\n"),
            "password": (["-u", USER, "-p", PASSWORD], {}, None),
            "environment": ([], {"TARPON_USERNAME": USER, "TARPON_PASSWORD": PASSWORD}, None),
            "DOCKER_AUTH_CONFIG": ([], {"DOCKER_AUTH_CONFIG": json.dumps(known)}, None),
            "authfile": (["--authfile", podman], {}, None),
            "REGISTRY_AUTH_FILE": ([], {"REGISTRY_AUTH_FILE": str(podman)}, None),
        }
        for name, (options, env, stdin) in ways.items():
            with self.subTest(name):
                result = self.push(self.registry, *options, env=env, stdin=stdin, )
                self.assert_pushed(result)
                self.assert_no_secret(result.stdout, result.stderr)
        for place in (".docker/config.json", "run/containers/auth.json", ".config/containers/auth.json"):
            with self.subTest(place):
                path = self.config(known, place)
                self.assert_pushed(self.push(self.registry))
                path.unlink()
        with self.subTest("DOCKER_CONFIG"):
            self.config(known, "elsewhere/config.json")
            self.assert_pushed(self.push(self.registry, env={"DOCKER_CONFIG": str(self.home / "elsewhere")}))

    def test_wrong_and_missing_passwords(self):
        wrong = self.push(self.registry, "-u", USER, "--password-stdin", stdin=b"MARKER-wrong\n")
        self.assert_one_error(wrong, 4, "auth", r"rejected the credentials of robot\$ci from --username")
        self.assert_no_secret(wrong.stdout, wrong.stderr)
        missing = self.push(self.registry)
        self.assert_one_error(missing, 4, "auth", "no credentials for")
        self.assertRegex(missing.stderr, r"looked in .*\.docker/config\.json")
        self.assertRegex(missing.stderr, r"hint: +tarpon login 127\.0\.0\.1:\d+")

    def test_login_keeps_what_docker_would_and_logout_forgets_it(self):
        path = self.config({"auths": {"other.example.com": {"auth": "eDp5"}}, "HttpHeaders": {"X": "y"}})
        host = self.registry.host
        result = tarpon("login", host, "-u", USER, "--password-stdin", stdin=PASSWORD.encode(), env=self.env)
        self.assertEqual(result.code, 0, result)
        self.assertIn(f"logged in to {host} as {USER}", result.stdout)
        self.assert_no_secret(result.stdout, result.stderr)
        kept = json.loads(path.read_text())
        self.assertEqual(kept["auths"][host], {"auth": BASIC})
        self.assertEqual(kept["auths"]["other.example.com"], {"auth": "eDp5"})
        self.assertEqual(kept["HttpHeaders"], {"X": "y"})
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assert_pushed(self.push(self.registry))
        result = tarpon("logout", host, env=self.env)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(list(json.loads(path.read_text())["auths"]), ["other.example.com"])
        self.assertEqual(self.push(self.registry).code, 4)

    def test_a_refused_login_stores_nothing(self):
        result = tarpon("login", self.registry.host, "-u", USER, "--password-stdin", stdin=b"wrong", env=self.env)
        self.assertEqual(result.code, 4, result)
        self.assertFalse((self.home / ".docker").exists())

    def test_a_credential_helper_keeps_and_gives(self):
        helper = self.folder / "docker-credential-test"
        helper.write_text(HELPER.format(folder=self.folder))
        helper.chmod(0o755)
        env = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        host = self.registry.host
        path = self.config({"credHelpers": {host: "test"}})
        result = tarpon("login", host, "-u", USER, "--password-stdin", "--log-level", "trace", stdin=PASSWORD.encode(),
                        env={**self.env, **env})
        self.assertEqual(result.code, 0, result)
        self.assertIn("helper test", result.stdout)
        kept = json.loads((self.folder / "helper.kept").read_text())
        self.assertEqual(kept, {"ServerURL": host, "Username": USER, "Secret": PASSWORD})
        self.assertNotIn(BASIC, path.read_text())
        pushed = self.push(self.registry, "--log-level", "trace", env=env)
        self.assert_pushed(pushed)
        self.assertEqual((self.folder / "helper.asked").read_text().splitlines(), [host])
        self.assert_no_secret(result.stdout, result.stderr, pushed.stdout, pushed.stderr, path.read_text())
        result = tarpon("logout", host, env={**self.env, **env})
        self.assertEqual(result.code, 0, result)
        self.assertFalse((self.folder / "helper.kept").exists())
        self.assertEqual(self.push(self.registry, env=env).code, 4)

    def test_helpers_that_fail_end_the_push(self):
        host = self.registry.host
        for name, script in {"missing": None, "garbage": "echo hello", "failing": "echo MARKER; exit 2"}.items():
            with self.subTest(name):
                if script:
                    helper = self.folder / f"docker-credential-{name}"
                    helper.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
                    helper.chmod(0o755)
                self.config({"credHelpers": {host: name}})
                result = self.push(self.registry, env={"PATH": f"{self.folder}:{os.environ['PATH']}"})
                self.assert_one_error(result, 4, "auth", f"credential helper docker-credential-{name} failed")


class Prompts(AuthCase):
    """The question for a password, on a terminal of the test's own."""

    def setUp(self):
        super().setUp()
        registry = SecuredRegistry(self.folder / "registry", password_file=htpasswd(self.folder, USER, PASSWORD))
        self.registry = self.enterContext(registry)
        self.terminal, self.inside = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.close, self.inside)

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.inside)[3] & termios.ECHO)

    def shown(self) -> str:
        """What the terminal shows and nobody has looked at yet."""
        ready, _, _ = select.select([self.terminal], [], [], 0.02)
        return os.read(self.terminal, 65536).decode() if ready else ""

    def log_in(self, act) -> subprocess.Popen:
        """Runs `act` when the password is asked for; the process when it has ended."""
        process = subprocess.Popen(
            [TARPON, "login", self.registry.host, "-u", USER], stdin=self.inside, stdout=self.inside,
            stderr=self.inside, env=environment(self.env), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(self.inside, termios.TIOCSCTTY, 0))
        self.addCleanup(process.kill)
        self.screen = ""

        def look(done):
            self.screen += self.shown()
            return done()

        wait_until(lambda: look(lambda: "Password: " in self.screen), "the question")
        self.assertFalse(self.echoes())
        act(process)
        wait_until(lambda: look(lambda: process.poll() is not None), "the end")
        self.screen += self.shown()
        self.assertTrue(self.echoes(), self.screen)
        return process

    def type(self, text: bytes):
        return lambda _: os.write(self.terminal, text)

    def test_a_password_that_is_typed(self):
        process = self.log_in(self.type(PASSWORD.encode() + b"\n"))
        self.assertEqual(process.returncode, 0, self.screen)
        self.assertIn("logged in to", self.screen)
        self.assert_no_secret(self.screen)

    def test_signals_give_the_echo_back(self):
        acts = {"typed": self.type(b"half\x03"), "quit": self.type(b"\x1c")}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            acts[number.name] = lambda process, number=number: process.send_signal(number)
        for name, act in acts.items():
            with self.subTest(name):
                process = self.log_in(act)
                self.assertEqual(process.returncode, 130, self.screen)
                self.assertIn("tarpon: error: interrupted", self.screen)

    def test_no_password_is_not_an_empty_one(self):
        for text in (b"\x04", b"\n"):
            with self.subTest(text):
                process = self.log_in(self.type(text))
                self.assertEqual(process.returncode, 2, self.screen)
                self.assertIn("nothing was typed", self.screen)


class Tokens(AuthCase):
    def start(self, life: float = 300) -> tuple[TokenServer, SecuredRegistry]:
        tokens = self.enterContext(TokenServer(self.folder / "tokens", {USER: PASSWORD}, life).running())
        registry = self.enterContext(SecuredRegistry(self.folder / "registry", token=tokens.config()))
        return tokens, registry

    def credentials(self):
        return {"TARPON_USERNAME": USER, "TARPON_PASSWORD": PASSWORD}

    def test_one_token_serves_a_whole_push(self):
        tokens, registry = self.start()
        result = self.push(registry, env=self.credentials())
        self.assert_pushed(result)
        asked = [request.get("scope") for request in tokens.requests]
        self.assertEqual(len(asked), 1, asked)
        self.assertRegex(asked[0][0], r"^repository:team/app\d+:pull,push$")
        self.assertEqual(tokens.requests[0]["service"], ["tarpon-test"])

    def test_a_push_that_outlives_its_tokens(self):
        tokens, registry = self.start(life=5)
        image = make_image(7)
        image.layers[0] = tar({"big": noise(7, 600_000)})
        data = tar(docker_entries(image))
        with Running("push", "--json", "-", "--to", f"{registry.host}/team/slow:1", stdin=subprocess.PIPE,
                     env={**self.env, **self.credentials()}) as run:
            for part in range(3):
                run.feed(data[part * 200_000:(part + 1) * 200_000])
                wait_until(lambda: tokens.requests, "a token was asked for")
                wait_until(tokens.expired, "the tokens so far have expired")
            run.feed(data[600_000:])
            result = run.finish()
        self.assert_pushed(result)
        self.assertGreater(len(tokens.requests), 1)

    def test_mounts_ask_for_both_repositories(self):
        tokens, registry = self.start()
        result = tarpon("push", "--json", self.archive.path, "--to", f"{registry.host}/team/one:1", "--to",
                        f"{registry.host}/team/two:1", env={**self.env, **self.credentials()})
        self.assertEqual(result.code, 0, result)
        self.assertTrue({"mounted"} <= {blob["status"] for blob in result.of("blob")}, result)
        scopes = [scope for request in tokens.requests for scope in [request.get("scope", [])] if len(scope) > 1]
        self.assertTrue(scopes)
        for first, second, *challenged in scopes:
            self.assertRegex(first, ":pull,push$")
            self.assertRegex(second, ":pull$")
            # Where the mount is the first request of a repository, the challenge's own words are added.
            self.assertLessEqual(set(challenged), {first.replace(":pull,push", ":push,pull")})

    def test_wrong_password_at_the_token_server(self):
        _, registry = self.start()
        result = self.push(registry, "-u", USER, "--password-stdin", stdin=b"wrong\n")
        self.assert_one_error(result, 4, "auth", r"rejected the credentials of robot\$ci")

    def test_no_right_to_push(self):
        tokens, registry = self.start()
        tokens.allowed = {"pull"}
        result = self.push(registry, env=self.credentials())
        self.assertEqual(result.code, 4, result)
        self.assertEqual(result.of("error")[0]["class"], "auth", result)
        self.assertEqual(registry.tags("team/app"), [])

    def test_a_registry_token_is_used_as_it_is(self):
        tokens, registry = self.start()
        ready = tokens.token_for(USER, ["repository:team/given:pull,push"])["token"]
        result = tarpon("push", "--json", self.archive.path, "--to", f"{registry.host}/team/given:1", "--registry-token",
                        ready, "--log-level", "trace", env=self.env)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(tokens.requests, [])
        self.assertNotIn(ready, result.stdout + result.stderr)

    def test_login_with_tokens(self):
        _, registry = self.start()
        result = tarpon("login", registry.host, "-u", USER, "--password-stdin", stdin=PASSWORD.encode(), env=self.env)
        self.assertEqual(result.code, 0, result)
        self.assert_pushed(self.push(registry))
        result = tarpon("login", registry.host, "-u", USER, "--password-stdin", stdin=b"wrong", env=self.env)
        self.assertEqual(result.code, 4, result)


if __name__ == "__main__":
    unittest.main()
