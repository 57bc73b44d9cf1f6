"""Who may do what at `tarpon serve`: passwords, sessions of the page, TLS, and networks that may push.

The clients are real ones (curl, skopeo, podman, docker, tarpon); raw requests where headers are what counts.
Files of passwords come from htpasswd, certificates from OpenSSL.
"""
from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
import unittest
from pathlib import Path

from access import Authority, htpasswd, openssl
from harness import (PATIENCE, SEARCH_PATH, TARPON, Case, DockerRegistry, EmbeddedRegistry, Response, environment,
                     http_server, needs, parse_event, patient, tarpon, wait_until)
from images import check_folder, docker_entries, fixture, make_image, tar

needs("curl", "docker-registry", "htpasswd", "openssl", "skopeo")

USER, PASSWORD = "somebody", "MARKER pass-word:%&?ü"
MIB = 1 << 20


def basic(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class AccessCase(Case):
    def setUp(self):
        super().setUp()
        self.users = htpasswd(self.folder, USER, PASSWORD)
        self.authority = None

    def serve(self, *options, login=True, tls=False, env=None) -> EmbeddedRegistry:
        if login:
            options += ("--htpasswd", self.users)
        if tls:
            self.authority = Authority(self.folder / self.fresh("ca"))
            self.cert, self.key = self.authority.issue("server", "IP:127.0.0.1,DNS:localhost")
            options += ("--tls-cert", self.cert, "--tls-key", self.key)
        server = self.enterContext(EmbeddedRegistry(self.folder / self.fresh("server"), *options, env=env))
        server.tls = tls
        return server

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.cert))

    def ask(self, server, method="GET", path="/v2/", body=None, headers=None, source="127.0.0.1") -> Response:
        """One request on a connection of its own, from an address of loopback."""
        where = {"timeout": PATIENCE, "source_address": (source, 0)}
        connection = (http.client.HTTPSConnection(server.host, context=self.context(), **where) if server.tls
                      else http.client.HTTPConnection(server.host, **where))
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())

    def status(self, server, *arguments, **how) -> int:
        return self.ask(server, *arguments, **how).status

    def curl(self, server, archive: bytes | Path, query="", *options, user=(USER, PASSWORD)) -> tuple[int, list[dict]]:
        """curl -T: the status, and the lines of the answer."""
        piped = isinstance(archive, bytes)
        command = ["curl", "-sS", "--max-time", str(int(PATIENCE)), "-w", "%{http_code}", "-T", "-" if piped else archive]
        if user:
            command += ["-u", ":".join(user)]
        if server.tls:
            command += ["--cacert", self.authority.cert]
        command += [*options, f"{'https' if server.tls else 'http'}://{server.host}/push{query}"]
        done = subprocess.run(command, input=archive if piped else None, capture_output=True, env=environment(), check=False)
        text = done.stdout.decode()
        return int(text[-3:]), [parse_event(line) for line in text[:-3].splitlines()]

    def archive(self, *names: str, seed=1, **how) -> bytes:
        return tar(docker_entries(make_image(seed, *names, **how)))

    def run_tool(self, *command, data: bytes | None = None, code=0) -> str:
        done = subprocess.run([str(part) for part in command], input=data, capture_output=True, timeout=PATIENCE,
                              env=environment({"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder)}), check=False)
        self.assertEqual(done.returncode, code, f"{command}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode() + done.stderr.decode()

    def assert_refused_push(self, answer: tuple[int, list[dict]], status: int, words: str) -> None:
        self.assertEqual(answer[0], status, answer)
        (only,) = (event for event in answer[1] if event["event"] == "error")
        self.assertEqual(only["class"], "auth" if status in (401, 403) else "registry", answer)
        self.assertRegex(only["message"], words)
        self.assertEqual((answer[1][-1]["event"], answer[1][-1]["failed"]), ("summary", 1), answer)

    def log_in(self, server, user=USER, password=PASSWORD, headers=None) -> Response:
        body = json.dumps({"username": user, "password": password})
        return self.ask(server, "POST", "/login", body, {"Content-Type": "application/json", **(headers or {})})

    def cookie(self, answer: Response) -> dict[str, str]:
        return {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}


class Passwords(AccessCase):
    def test_what_needs_a_login(self):
        server = self.serve()
        for path in ("/", "/page/page.js", "/page/session.js", "/healthz", "/session"):
            self.assertEqual(self.status(server, "GET", path), 200, path)
        self.assertEqual(self.ask(server, "GET", "/session").json(), {"login": True, "user": None, "token": None})
        secured = [("GET", "/v2/"), ("GET", "/v2/_catalog"), ("GET", "/v2/a/manifests/1"), ("HEAD", "/v2/a/manifests/1"),
                   ("POST", "/v2/a/blobs/uploads/"), ("DELETE", "/v2/a/manifests/1"), ("GET", "/info"), ("PUT", "/push"),
                   ("GET", "/push/events?id=12345678"), ("GET", "/%76%32/"), ("GET", "/none"), ("GET", "/metrics"),
                   ("PUT", "/healthz"), ("DELETE", "/")]
        wrong = [{}, basic(password="wrong"), basic(user="nobody"), {"Authorization": "Basic !"}, {"Authorization": "Bearer x"},
                 {"Cookie": "tarpon-session=" + 64 * "0"}]
        for number, (method, path) in enumerate(secured):
            # Not every wrong one everywhere: they are counted.
            with self.subTest(method=method, path=path):
                answer = self.ask(server, method, path, headers=wrong[number % 6] if number < 6 else {})
                self.assertEqual(answer.status, 401)
                self.assertEqual(answer.headers["WWW-Authenticate"], 'Basic realm="tarpon", charset="UTF-8"')
                self.assertNotIn(self.status(server, method, path, headers=basic()), (401, 403))
        errors = self.ask(server).json()["errors"]
        self.assertEqual([one["code"] for one in errors], ["UNAUTHORIZED"])
        # The browser's own window must not open above the page's form.
        quiet = self.ask(server, "GET", "/info", headers={"X-Tarpon-Token": "none"})
        self.assertEqual((quiet.status, quiet.headers["WWW-Authenticate"]), (401, None))

    def test_curl_pushes_and_skopeo_pulls(self):
        server = self.serve("--log-level", "trace")
        self.assert_refused_push(self.curl(server, self.archive("app:1"), user=None), 401, "a login is needed")
        self.assert_refused_push(self.curl(server, self.archive("app:1"), user=(USER, "no")), 401, "wrong user name or password")
        self.assertEqual(server.names_stored(), [])
        status, events = self.curl(server, self.archive("app:1"), "?to=team/app:1")
        self.assertEqual((status, events[-1]["failed"]), (200, 0), events)
        self.assertEqual([one["reference"] for one in events if one["event"] == "image"], [f"{server.host}/team/app:1"])
        pulled = self.folder / "pulled"
        copy = ("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false")
        from_here = (f"docker://{server.host}/team/app:1", f"dir:{pulled}")
        self.run_tool(*copy, *from_here, code=1)
        self.run_tool(*copy, "--src-creds", f"{USER}:{PASSWORD}", *from_here)
        check_folder(pulled)
        self.assertNotIn("MARKER", server.server.log.read_text())

    def test_tarpon_pushes(self):
        server = self.serve()
        push = ("push", "--json", fixture("docker28-single").path, "--registry", server.host, "--username", USER)
        for password, code in ((PASSWORD, 0), ("wrong", 4)):
            result = tarpon(*push, "--password-stdin", stdin=password.encode())
            self.assertEqual(result.code, code, result)
        self.assertEqual(tarpon("push", fixture("docker28-single").path, "--registry", server.host).code, 4)

    def test_logins_of_other_tools(self):
        server = self.serve()
        for tool in ("skopeo", "podman"):
            if not shutil.which(tool, path=SEARCH_PATH):
                continue
            with self.subTest(tool=tool):
                login = (tool, "login", "--tls-verify=false", "--authfile", self.folder / f"{tool}.json", "-u", USER,
                         "--password-stdin", server.host)
                self.run_tool(*login, data=PASSWORD.encode())
                self.run_tool(*login, data=b"wrong", code=1 if tool == "skopeo" else 125)
        copy = ("skopeo", "--insecure-policy", "copy", "--quiet", "--authfile", self.folder / "skopeo.json",
                "--dest-tls-verify=false", f"docker-archive:{fixture('docker20-single').path}", f"docker://{server.host}/by/skopeo:1")
        self.run_tool(*copy)
        self.assertEqual(self.ask(server, "GET", "/v2/by/skopeo/tags/list", headers=basic()).json()["tags"], ["1"])

    @unittest.skipUnless(all(shutil.which(one, path=SEARCH_PATH) for one in ("dockerd", "containerd", "docker")), "no docker")
    def test_a_docker_engine(self):
        from docker_engine import Engine, rootfs
        server = self.serve()
        name = f"{server.host}/by/docker:1"
        with Engine(self.folder / "engine") as engine:
            engine.run("import", "-", name, data=rootfs(7))
            with self.assertRaises(AssertionError):
                engine.run("push", name)
            with self.assertRaisesRegex(AssertionError, "401|nauthorized"):
                engine.run("login", server.host, "-u", USER, "--password-stdin", data=b"wrong")
            engine.run("login", server.host, "-u", USER, "--password-stdin", data=PASSWORD.encode())
            engine.run("push", name)
            before = engine.id(name)
            engine.run("rmi", name)
            engine.run("pull", name)
            self.assertEqual(engine.id(name), before)

    def test_too_many_wrong_passwords(self):
        server = self.serve()
        self.assertEqual(self.status(server, headers=basic()), 200)
        cookie = self.cookie(self.log_in(server))
        statuses = [self.status(server, headers=basic(user="other", password="x")) for _ in range(12)]
        self.assertEqual(statuses, [401] * 10 + [429] * 2)
        late = self.ask(server, headers=basic(user="third"))
        self.assertEqual(late.status, 429)
        self.assertEqual(late.json()["errors"][0]["code"], "TOOMANYREQUESTS")
        self.assertTrue(1 <= int(late.headers["Retry-After"]) <= 20, late.headers)
        self.assert_refused_push(self.curl(server, self.archive("app:1"), user=("third", "x")), 429, "again in")
        # Whoever logged in from there before still can, until somebody guesses at that very user. Whoever is in
        # stays in, and other clients are not concerned.
        statuses = [self.log_in(server, password="wrong").status for _ in range(11)]
        self.assertEqual(statuses, [401] * 10 + [429])
        self.assertEqual(self.status(server, headers=basic()), 429)
        self.assertEqual(self.status(server, headers=cookie), 200)
        self.assertEqual(self.status(server, headers=basic(), source="127.0.0.2"), 200)
        self.assertEqual(self.status(server, headers=basic(user="x"), source="127.0.0.3"), 401)

    def test_who_asked_is_in_the_log_and_not_in_the_metrics(self):
        log = self.folder / "access.log"
        server = self.serve("--access-log", log)
        self.assertEqual(self.status(server, "GET", "/metrics"), 401)
        metrics = self.ask(server, "GET", "/metrics", headers=basic())
        self.assertEqual(metrics.status, 200)
        self.assertEqual(self.curl(server, self.archive("app:1"))[0], 200)
        lines = wait_until(lambda: (lambda got: got if len(got) >= 3 else None)(log.read_text().splitlines()), "three lines")
        seen = [(line["path"], line["status"], line["user"]) for line in map(json.loads, lines)]
        self.assertEqual(sorted(one for one in seen if not one[0].startswith("/v2")),
                         [("/metrics", 200, USER), ("/metrics", 401, None), ("/push", 200, USER)])
        later = self.ask(server, "GET", "/metrics", headers=basic()).body.decode()
        self.assertIn('tarpon_pushes_total{outcome="pushed"} 1', later)
        for text in (log.read_text(), later):
            self.assertNotIn("MARKER", text)
            self.assertNotIn(basic()["Authorization"].split()[1], text)
        self.assertNotIn(USER, later)

    def test_one_user_does_not_get_all_upload_sessions(self):
        (self.folder / "more").mkdir()
        self.users.write_bytes(self.users.read_bytes() + htpasswd(self.folder / "more", "other", "pass word").read_bytes())
        server = self.serve()
        with contextlib.closing(http.client.HTTPConnection(server.host, timeout=PATIENCE)) as connection:
            def begin(user: dict) -> Response:
                connection.request("POST", "/v2/app/blobs/uploads/", headers=user)
                answer = connection.getresponse()
                return Response(answer.status, answer.headers, answer.read())
            self.assertEqual({begin(basic()).status for _ in range(1000)}, {202})
            refused = begin(basic())
            self.assertEqual(refused.status, 429)
            self.assertEqual(refused.json()["errors"][0]["code"], "TOOMANYREQUESTS")
            self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
            self.assertEqual(begin(basic("other", "pass word")).status, 202)

    def test_the_file_is_read_again(self):
        server = self.serve()
        cookie = self.cookie(self.log_in(server))
        self.assertEqual(self.status(server, headers=cookie), 200)
        htpasswd(self.folder, "another", "pw")
        wait_until(lambda: self.status(server, headers=basic("another", "pw")) == 200, "the new user")
        self.assertEqual(self.status(server, headers=basic()), 401)
        self.assertEqual(self.status(server, headers=cookie), 401)

    def test_files_that_cannot_be_used(self):
        storage = ("--storage", self.folder / "none")
        bad = {"apr1": "x:$apr1$G07VAumz$SsseEs3mvWXg8FQYdF2xi1", "sha": "x:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=",
               "plain": "x:MARKER", "no-colon": "MARKER"}
        for name, line in bad.items():
            file = self.file(f"{self.users.read_text().strip()}\n{line}\n".encode(), name)
            result = tarpon("serve", "--listen", "127.0.0.1:0", *storage, "--htpasswd", file)
            self.assertEqual(result.code, 2, result)
            self.assertRegex(result.stderr, f"cannot use the password file .*{name}\n.*line 2 is not")
            self.assertNotIn(line.partition(":")[2] or "MARKER", result.stderr)
        missing = tarpon("serve", "--listen", "127.0.0.1:0", *storage, "--htpasswd", self.folder / "nowhere")
        self.assertEqual(missing.code, 2, missing)
        self.assertRegex(missing.stderr, "nowhere\n.*No such file")
        self.assertFalse((self.folder / "none").exists())


class Sessions(AccessCase):
    def test_a_session_from_login_to_logout(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                server = self.serve(tls=tls)
                answer = self.log_in(server)
                self.assertEqual(answer.status, 200)
                name, *attributes = answer.headers["Set-Cookie"].split("; ")
                self.assertRegex(name, f"^{'__Host-' if tls else ''}tarpon-session=[0-9a-f]{{64}}$")
                self.assertEqual(attributes, ["Path=/", "HttpOnly", "SameSite=Strict"] + (["Secure"] if tls else []))
                cookie, token = self.cookie(answer), answer.json()["token"]
                self.assertEqual(answer.json()["user"], USER)
                self.assertEqual(self.ask(server, "GET", "/session", headers=cookie).json(),
                                 {"login": True, "user": USER, "token": token})
                self.assertEqual(self.status(server, "GET", "/v2/_catalog", headers=cookie), 200)
                # The cookie alone, which other sites could make a browser send, changes nothing.
                changes = [("POST", "/v2/a/blobs/uploads/"), ("DELETE", "/v2/a/manifests/1"), ("PUT", "/push?to=a:1"),
                           ("GET", "/push/events?id=12345678"), ("POST", "/logout")]
                for method, path in changes:
                    for wrong in ({}, {"X-Tarpon-Token": "none"}, {"X-Tarpon-Token": token[:-1]}):
                        self.assertEqual(self.status(server, method, path, headers=cookie | wrong), 403, path)
                right = cookie | {"X-Tarpon-Token": token}
                self.assertEqual(self.status(server, "POST", "/v2/a/blobs/uploads/", headers=right), 202)
                self.assertEqual(self.status(server, "PUT", "/push?to=a:1", self.archive("x:1"), right), 200)
                self.assertEqual(self.status(server, "POST", "/v2/a/blobs/uploads/",
                                             headers=right | {"Origin": "http://evil.example"}), 403)
                gone = self.ask(server, "POST", "/logout", headers=right)
                self.assertEqual(gone.status, 200)
                self.assertIn("Max-Age=0", gone.headers["Set-Cookie"])
                self.assertEqual(self.status(server, "GET", "/v2/_catalog", headers=right), 401)

    def test_logins_that_are_none(self):
        server = self.serve()
        answer = self.log_in(server, password="wrong")
        self.assertEqual((answer.status, answer.headers["Set-Cookie"], answer.headers["WWW-Authenticate"]), (401, None, None))
        good = json.dumps({"username": USER, "password": PASSWORD})
        as_json = {"Content-Type": "application/json"}
        for status, method, body, headers in (
                (400, "POST", good, {"Content-Type": "text/plain"}), (400, "POST", "{}", as_json), (400, "POST", "[", as_json),
                (413, "POST", good + 5000 * " ", as_json), (405, "PUT", good, as_json), (405, "GET", None, {}),
                (403, "POST", good, as_json | {"Origin": "http://evil.example"}),
                (403, "POST", good, as_json | {"Sec-Fetch-Site": "cross-site"}),
                (421, "POST", good, as_json | {"Host": "evil.example"})):
            answer = self.ask(server, method, "/login", body, headers)
            self.assertEqual(answer.status, status, (method, body, headers))
            self.assertIsNone(answer.headers["Set-Cookie"])
        open_to_all = self.serve(login=False)
        self.assertEqual(self.ask(open_to_all, "GET", "/session").json(), {"login": False, "user": None, "token": None})
        self.assertEqual(self.log_in(open_to_all).status, 404)


class Tls(AccessCase):
    def test_everything_with_a_password_over_tls(self):
        server = self.serve(tls=True)
        status, events = self.curl(server, self.archive("app:1", size=5 * MIB))
        self.assertEqual((status, events[-1]["failed"]), (200, 0), events)
        self.assertNotIn("Strict-Transport-Security", self.ask(server, "GET", "/").headers)
        result = tarpon("push", "--json", fixture("docker28-multi").path, "--registry", f"{server.host}/by/tarpon",
                        "--username", USER, "--password-stdin", "--ca-file", self.authority.cert, stdin=PASSWORD.encode())
        self.assertEqual(result.code, 0, result)
        certs = self.folder / "certs"
        certs.mkdir()
        (certs / "ca.crt").write_bytes(self.authority.cert.read_bytes())
        pulled = self.folder / "pulled"
        self.run_tool("skopeo", "--insecure-policy", "copy", "--quiet", "--src-cert-dir", certs, "--src-creds",
                      f"{USER}:{PASSWORD}", f"docker://{server.host}/app:1", f"dir:{pulled}")
        check_folder(pulled)
        log = server.server.log.read_text()
        self.assertIn('"tls":true', log)

    def test_large_bodies_in_pieces(self):
        server = self.serve(tls=True)
        blob = bytes(range(256)) * (20 * MIB // 256)
        location = self.ask(server, "POST", "/v2/a/blobs/uploads/", headers=basic()).headers["Location"]
        half = len(blob) // 2
        for start, piece in ((0, blob[:half]), (half, blob[half:])):
            headers = basic() | {"Content-Range": f"{start}-{start + len(piece) - 1}", "Content-Type": "application/octet-stream"}
            answer = self.ask(server, "PATCH", location, piece, headers)
            self.assertEqual(answer.status, 202)
            location = answer.headers["Location"]
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        mark = "&" if "?" in location else "?"
        self.assertEqual(self.status(server, "PUT", f"{location}{mark}digest={digest}", headers=basic()), 201)
        self.assertEqual(self.ask(server, "GET", f"/v2/a/blobs/{digest}", headers=basic()).body, blob)

    def test_a_client_that_goes_away(self):
        server = self.serve(tls=True)
        data = self.archive("app:1", size=3 * MIB)
        host, port = server.host.split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as plain:
            with self.context().wrap_socket(plain, server_hostname=host) as client:
                client.sendall(self.push_head(server, len(data)) + data[:2 * MIB])
                wait_until(server.open_uploads, "an upload under way")
        wait_until(lambda: not server.open_uploads(), "the end of the upload")
        self.assertEqual(server.names_stored(), [])

    def test_a_client_that_says_goodbye_after_its_last_byte(self):
        asked, released, manifests = threading.Event(), threading.Event(), []
        with http_server(patient(asked, released, manifests)) as registry:
            server = self.serve("--registry", f"http://{registry}", "--log-level", "info", tls=True)
            data = self.archive("app:1", size=MIB)
            with socket.create_connection(tuple(server.host.split(":")), timeout=PATIENCE) as plain:
                with self.context().wrap_socket(plain, server_hostname="127.0.0.1") as client:
                    client.sendall(self.push_head(server, len(data)) + data)
                    self.assertTrue(asked.wait(PATIENCE))
                    client.setblocking(False)
                    with self.assertRaises(ssl.SSLWantReadError):  # the other side's goodbye is not waited for
                        client.unwrap()
                    wait_until(lambda: "the client went away" in server.server.log.read_text(), "the push is cancelled")
            released.set()
        self.assertEqual(manifests, [])

    def push_head(self, server, length: int) -> bytes:
        (name, value), = basic().items()
        return (f"PUT /push?to=app:1 HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {length}\r\n"
                f"{name}: {value}\r\n\r\n").encode()

    def test_protocols(self):
        server = self.serve(tls=True)
        host, port = server.host.split(":")
        for option in ("-tls1_2", "-tls1_3"):
            text = openssl("s_client", "-connect", server.host, option, "-CAfile", self.authority.cert, "-alpn", "h2,http/1.1",
                           data=b"").decode()
            self.assertIn("ALPN protocol: http/1.1", text)
            self.assertIn("Verify return code: 0 (ok)", text)
        old = subprocess.run(["openssl", "s_client", "-connect", server.host, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
                             input=b"", capture_output=True, check=False)
        self.assertIn(b"alert", old.stderr)
        weak = subprocess.run(["openssl", "s_client", "-connect", server.host, "-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256"],
                              input=b"", capture_output=True, check=False)
        self.assertIn(b"alert handshake failure", weak.stderr)
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = http.client.HTTPResponse(client)
            answer.begin()
            self.assertEqual((answer.status, answer.read()), (400, b"TLS is spoken here: use https://..."))

    def test_silent_handshakes_block_nobody(self):
        server = self.serve(tls=True)
        host, port = server.host.split(":")
        with contextlib.ExitStack() as held:
            for _ in range(20):
                silent = held.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE))
                silent.sendall(b"\x16\x03\x01")
            self.assertEqual(self.status(server, headers=basic()), 200)

    def test_certificates_are_read_again(self):
        server = self.serve(tls=True)

        def serial() -> bytes:
            text = openssl("s_client", "-connect", server.host, data=b"")
            return openssl("x509", "-noout", "-serial", data=text)

        first = serial()
        # Half of a change, and rubbish: the last good pair stays.
        cert, key = self.authority.issue("next", "IP:127.0.0.1")
        self.cert.write_bytes(cert.read_bytes())
        wait_until(lambda: serial() == first and "does not belong to the certificate" in server.server.log.read_text(),
                   "the look at half of a change")
        self.key.write_bytes(key.read_bytes())
        wait_until(lambda: serial() != first, "the new certificate")
        self.assertEqual(self.status(server, headers=basic()), 200)

    def test_certificates_that_cannot_be_used(self):
        authority = Authority(self.folder / "ca")
        cert, key = authority.issue("server")
        other_cert, other_key = authority.issue("other")
        locked = self.folder / "locked.key"
        openssl("pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked)
        text = self.file(b"words", "words.pem")
        for options, words in (
                (("--tls-cert", cert), "--tls-cert and --tls-key go together"),
                (("--tls-cert", "/none.pem", "--tls-key", key), "cannot use the certificate /none.pem\n.*No such file"),
                (("--tls-cert", cert, "--tls-key", "/none.pem"), "cannot use the key /none.pem\n.*No such file"),
                (("--tls-cert", text, "--tls-key", key), "words.pem\n.*it holds no PEM certificate"),
                (("--tls-cert", cert, "--tls-key", text), "words.pem\n.*it holds no PEM key"),
                (("--tls-cert", cert, "--tls-key", other_key), "other.key\n.*does not belong to the certificate .*server.crt"),
                (("--tls-cert", cert, "--tls-key", locked), "locked.key\n.*it is encrypted.*\n.*hint: openssl pkey")):
            result = tarpon("serve", "--listen", "127.0.0.1:0", "--storage", self.folder / "none", *options)
            self.assertEqual(result.code, 2, result)
            self.assertRegex(result.stderr, words)
        self.assertFalse((self.folder / "none").exists())


class Networks(AccessCase):
    def test_only_some_may_push(self):
        server = self.serve("--allow-push", "127.0.0.2", "--allow-push", "127.0.1.0/24", login=False)
        self.assert_refused_push(self.curl(server, self.archive("app:1"), user=None), 403, "clients of this network may not push")
        for method, path in (("POST", "/v2/a/blobs/uploads/"), ("PUT", "/v2/a/manifests/1"), ("DELETE", "/v2/a/manifests/1"),
                             ("PATCH", "/v2/a/blobs/uploads/0")):
            answer = self.ask(server, method, path)
            self.assertEqual((answer.status, answer.json()["errors"][0]["code"]), (403, "DENIED"), path)
        self.assertEqual(self.ask(server, "POST", "/v2/a/blobs/uploads/", headers={"X-Forwarded-For": "127.0.0.2"}).status, 403)
        for source in ("127.0.0.2", "127.0.1.77"):
            status, events = self.curl(server, self.archive("app:1"), "", "--interface", source, user=None)
            self.assertEqual((status, events[-1]["failed"]), (200, 0), events)
        self.assertEqual(self.ask(server, "GET", "/v2/app/tags/list").json()["tags"], ["1"])

    def test_networks_that_are_none(self):
        result = tarpon("serve", "--listen", "127.0.0.1:0", "--storage", self.folder / "none", "--allow-push", "10.0.0.0/33")
        self.assertEqual(result.code, 2, result)
        self.assertRegex(result.stderr, '"10.0.0.0/33" is no network')

    def test_on_an_address_of_the_network_with_a_proxy_in_the_environment(self):
        """The push of the server into itself goes through no proxy. In a network of its own."""
        made = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
        if made.returncode or not shutil.which("ip", path=SEARCH_PATH):
            self.skipTest("needs root and iproute2")
        archive = self.file(self.archive("app:1"))
        script = """
            ip link set lo up && ip address add 10.9.8.7/32 dev lo || exit 9
            "$1" serve --json --listen 10.9.8.7:8080 --storage "$2" --htpasswd "$3" >"$4/out" 2>"$4/err" &
            server=$!
            for _ in $(seq 600); do grep -q listening "$4/out" && break; sleep 0.1; done
            curl -sS --noproxy '*' -u "$5" -T "$6" http://10.9.8.7:8080/push
            curl -sS --noproxy '*' -u "$5" http://10.9.8.7:8080/v2/app/tags/list
            kill $server; wait $server; cat "$4/err" >&2
        """
        done = subprocess.run(
            ["unshare", "--net", "sh", "-c", script, "sh", TARPON, self.folder / "st", self.users, self.folder, f"{USER}:{PASSWORD}",
             archive], capture_output=True, text=True, timeout=PATIENCE, check=False,
            env=environment({"HTTP_PROXY": "http://10.9.8.7:9", "HTTPS_PROXY": "http://10.9.8.7:9", "http_proxy": "http://10.9.8.7:9"}))
        self.assertIn('"reference":"10.9.8.7:8080/app:1"', done.stdout, done.stdout + done.stderr)
        self.assertIn('"tags":["1"]', done.stdout)
        self.assertIn("passwords cross the network in clear", done.stderr)


class Targets(AccessCase):
    def test_the_password_of_the_target_is_in_no_answer(self):
        folder = self.folder / "target"
        folder.mkdir()
        registry = self.enterContext(DockerRegistry(folder, htpasswd=htpasswd(folder, "pusher", "TARGET-secret")))
        env = {"TARPON_USERNAME": "pusher", "TARPON_PASSWORD": "TARGET-secret"}
        server = self.serve("--registry", f"{registry.host}/team", "--log-level", "trace", env=env)
        answers = [self.ask(server, method, path, headers=headers)
                   for method, path in (("GET", "/"), ("GET", "/info"), ("GET", "/session"), ("GET", "/v2/"), ("PUT", "/push?to=A"))
                   for headers in ({}, basic())]
        answers.append(self.ask(server, "PUT", "/push?to=app:1", self.archive("x:1"), basic()))
        answers.append(self.ask(server, "PUT", "/push?to=app:1", b"no archive", basic()))
        told = "".join(f"{one.status}\n{one.headers}\n{one.body.decode()}" for one in answers) + server.server.log.read_text()
        for secret in ("TARGET-secret", base64.b64encode(b"pusher:TARGET-secret").decode(), base64.b64encode(b"TARGET-secret").decode()):
            self.assertNotIn(secret, told)


if __name__ == "__main__":
    unittest.main()
