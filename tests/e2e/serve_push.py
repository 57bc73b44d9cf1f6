"""PUT /push of `tarpon serve`: archives come in over HTTP and go through the engine as they come.

curl is the client wherever what a real client does matters; raw sockets where a client misbehaves.
"""
from __future__ import annotations

import contextlib
import gzip
import json
import socket
import subprocess
import threading
import unittest
from pathlib import Path

from access import htpasswd
from harness import (PATIENCE, SANITIZED, Case, DockerRegistry, EmbeddedRegistry, closed_port, environment,
                     http_server, needs, parse_event, patient, request, tarpon, wait_until)
from images import docker_entries, fixture, make_image, oci_entries, pull, tar

needs("curl", "docker-registry", "htpasswd", "skopeo")

USER, PASSWORD = "somebody", "pass word-%&?"
MIB = 1 << 20


class Answer:
    def __init__(self, status: int, body: str):
        self.status, self.body = status, body

    @property
    def events(self) -> list[dict]:
        return [parse_event(line) for line in self.body.splitlines()]

    def of(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def references(self) -> dict[str, str]:
        return {event["reference"]: event["digest"] for event in self.of("image")}

    def __str__(self):
        return f"{self.status}\n{self.body[-4000:]}"


def curl(host: str, archive: Path | bytes, query: str = "", *options: str) -> Answer:
    """curl -T FILE, or curl -T - with bytes from a pipe."""
    piped = isinstance(archive, bytes)
    command = ["curl", "-sS", "--max-time", str(int(PATIENCE)), "-w", "%{http_code}", "-T", "-" if piped else str(archive),
               *options, f"http://{host}/push{query}"]
    done = subprocess.run(command, input=archive if piped else None, capture_output=True, env=environment(), check=False)
    text = done.stdout.decode()
    return Answer(int(text[-3:]), text[:-3])


@contextlib.contextmanager
def half_sent(host: str, data: bytes, query: str = "", announced: int | None = None):
    """A push whose body stops in the middle, with the socket at hand."""
    with socket.create_connection(tuple(host.split(":")), timeout=PATIENCE) as client:
        length = announced or 2 * len(data)
        client.sendall(f"PUT /push{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n".encode() + data)
        yield client


class ServeCase(Case):
    def serve(self, *options, env=None) -> EmbeddedRegistry:
        return self.enterContext(EmbeddedRegistry(self.folder / self.fresh("server"), *options, env=env))

    def archive(self, *names: str, seed: int = 1, **how) -> bytes:
        return tar(docker_entries(make_image(seed, *names, **how)))

    def assert_one_error(self, answer: Answer, status: int, error_class: str, words: str) -> None:
        self.assertEqual(answer.status, status, answer)
        (only,) = answer.of("error")
        self.assertEqual(only["class"], error_class, answer)
        self.assertRegex(only["message"], words)
        self.assertEqual(answer.events[-1]["event"], "summary", answer)
        self.assertEqual(answer.references, {}, answer)


class Embedded(ServeCase):
    def test_every_fixture_arrives_as_with_push(self):
        server = self.serve()
        other = self.enterContext(EmbeddedRegistry(self.folder / "other"))
        for name in ("docker20-multi", "docker28-multi", "docker28-single", "multiarch-oci", "podman-docker-archive",
                     "skopeo-oci-archive"):
            archive = fixture(name)
            named = name == "skopeo-oci-archive"
            with self.subTest(archive=name):
                answer = curl(server.host, archive.path, "?to=some/app" if named else "")
                self.assertEqual(answer.status, 200, answer)
                with open(archive.path, "rb") as file:
                    where = ("--to", f"{other.host}/some/app") if named else ("--registry", other.host)
                    expected = self.pushed("-", *where, stdin=file)
                same = {reference.replace(other.host, server.host): digest
                        for reference, digest in expected.references.items()}
                self.assertEqual(answer.references, same, answer)
                self.assertEqual([event["event"] for event in answer.events][0], "start")
                self.assertEqual(answer.events[-1]["event"], "summary")
                for reference, digest in same.items():
                    self.assertEqual(pull(reference, self.folder / self.fresh("pulled")).digest, digest)

    def test_from_a_pipe_and_compressed(self):
        server = self.serve()
        plain = curl(server.host, self.archive("app:1"), "?to=one:1&to=two/deep:2")
        self.assertEqual(set(plain.references), {f"{server.host}/one:1", f"{server.host}/two/deep:2"}, plain)
        packed = curl(server.host, gzip.compress(self.archive("app:1")))
        self.assertEqual(packed.references, {f"{server.host}/app:1": plain.of("image")[0]["digest"]}, packed)

    def test_images_are_named_one_by_one(self):
        server = self.serve()
        data = tar(docker_entries(make_image(1, "a:1"), make_image(2, "b:1"), make_image(3)))
        answer = curl(server.host, data, "?to=b:1=new/b:2&to=@3=c")
        self.assertEqual(set(answer.references), {f"{server.host}/new/b:2", f"{server.host}/c:latest"}, answer)
        unnamed = curl(server.host, data, "?to=x")
        self.assertEqual([one["class"] for one in unnamed.of("error")], ["usage"], unnamed)

    def test_names_are_shown_as_the_client_knows_them(self):
        server = self.serve()
        port = server.host.split(":")[1]
        answer = curl(f"localhost:{port}", self.archive("app:1"))
        self.assertEqual(set(answer.references), {f"localhost:{port}/app:1"}, answer)

    def test_broken_archives(self):
        server = self.serve()
        good = self.archive("app:1", size=200_000)
        for data, words in ((good[:150_000], "ended early"), (b"hello\n", "no tar archive"), (b"", "there is no data"),
                            (tar({"a": b"b"}), "neither manifest.json nor index.json|not an image archive")):
            answer = curl(server.host, data)
            self.assertIn(answer.status, (200, 422), answer)
            self.assert_one_error(answer, answer.status, "archive", words)
        # Known before anything was pushed: the status says it.
        self.assertEqual(curl(server.host, b"hello\n").status, 422)
        self.assertEqual(server.names_stored(), [])
        self.assertEqual(server.open_uploads(), [])

    def test_bad_questions(self):
        server = self.serve()
        data = self.archive("app:1")
        for query in ("?to=App:1", "?to=evil.example/app:1", "?tag=1", "?to=a&to=@1=b", "?id=x"):
            self.assert_one_error(curl(server.host, data, query), 400, "usage", ".+")
        for method in ("GET", "POST", "DELETE"):
            self.assertEqual(request(server.host, method, "/push").status, 405, method)
        self.assertEqual(request(server.host, "DELETE", "/").status, 405)
        self.assertEqual(server.names_stored(), [])

    def test_a_client_that_goes_away_leaves_no_tag(self):
        server = self.serve()
        data = self.archive("app:1", size=MIB)
        for reset in (False, True):
            with half_sent(server.host, data[:MIB]) as client:
                wait_until(lambda: server.open_uploads() or server.stored_bytes(), "an upload begins")
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wait_until(lambda: not server.open_uploads(), "the upload is dropped")
        self.assertEqual(server.names_stored(), [])
        self.assertEqual(curl(server.host, data).status, 200)

    def test_a_client_that_goes_away_after_its_last_byte(self):
        # The registry behind us takes its time, the client does not wait.
        asked, released = threading.Event(), threading.Event()
        manifests = []
        with http_server(patient(asked, released, manifests)) as host:
            server = self.serve("--registry", f"http://{host}", "--log-level", "info")
            data = self.archive("app:1", size=MIB)
            with half_sent(server.host, data, "?to=app:1", announced=len(data)):
                self.assertTrue(asked.wait(PATIENCE))
            wait_until(lambda: "the client went away" in server.server.log.read_text(), "the push is cancelled")
            released.set()
        self.assertEqual(manifests, [])

    def test_a_registry_that_is_not_there(self):
        with closed_port() as host:
            server = self.serve("--registry", f"http://{host}")
            answer = curl(server.host, self.archive("app:1"))
            self.assert_one_error(answer, 502, "network", "cannot push the upload.*")

    def test_two_at_once_and_busy(self):
        server = self.serve()
        data = self.archive("app:1", size=MIB)
        with contextlib.ExitStack() as held:
            for number in range(4):
                held.enter_context(half_sent(server.host, data[:MIB], f"?to=held{number}"))
            busy = wait_until(lambda: (lambda got: got if got.status == 429 else None)(
                request(server.host, "PUT", "/push?to=more", data)), "all places are taken")
            self.assertGreater(int(busy.headers["Retry-After"]), 0)
            self.assertEqual(parse_event(busy.body.decode().splitlines()[0])["event"], "error")
        answers = {}

        def push(number: int) -> None:
            # The server notices one by one that the four have gone.
            answers[number] = wait_until(lambda: (lambda got: got if got.status != 429 else None)(
                curl(server.host, data, f"?to=app{number}:1")), "a place is free again")

        threads = [threading.Thread(target=push, args=[number]) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answers[n].status for n in range(3)], [200] * 3)
        self.assertEqual(len({one.of("image")[0]["digest"] for one in answers.values()}), 1)

    def test_events_beside_the_answer(self):
        server = self.serve()
        data = self.archive("app:1", size=MIB)
        seen = self.folder / "events"
        with open(seen, "wb") as out:
            watcher = subprocess.Popen(["curl", "-sSN", f"http://{server.host}/push/events?id=0123456789"],
                                       stdout=out, env=environment())
        with half_sent(server.host, data[:MIB], "?id=0123456789", announced=len(data)) as client:
            # Before the body is complete: browsers read no answer until then.
            wait_until(lambda: '"state":"sending"' in seen.read_text(), "a sample of a layer under way")
            client.sendall(data[MIB:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        self.assertEqual(watcher.wait(timeout=PATIENCE), 0)
        lines = [line for line in seen.read_text().splitlines() if '"event":"progress"' not in line]
        self.assertEqual([line for line in lines if line not in answer.decode()], [])
        self.assertEqual(len(lines), answer.count(b'"schema":1'), answer)
        self.assertEqual([json.loads(line)["event"] for line in (lines[0], *lines[-2:])], ["start", "image", "summary"])

    def test_a_server_that_is_told_to_stop(self):
        server = self.serve()
        data = self.archive("app:1", size=MIB)
        with half_sent(server.host, data[:MIB]):
            wait_until(lambda: server.open_uploads(), "an upload begins")
            self.assertEqual(server.stop(), 0)
        self.assertEqual(server.names_stored(), [])

    def test_on_ipv6(self):
        server = self.serve("--listen", "[::1]:0")
        answer = curl(server.host, self.archive("app:1"), "", "-g")
        self.assertEqual(set(answer.references), {f"{server.host}/app:1"}, answer)

    def test_max_upload(self):
        server = self.serve("--max-upload", "64K")
        small, large = self.archive("app:1"), self.archive("app:2", size=200_000)
        self.assertEqual(curl(server.host, small).status, 200)
        self.assert_one_error(curl(server.host, self.file(large)), 413, "archive", "larger than 64.0 KiB")
        piped = curl(server.host, large)
        self.assertIn(piped.status, (200, 413), piped)
        self.assert_one_error(piped, piped.status, "archive", "larger than 64.0 KiB")
        self.assertEqual(server.tags("app"), ["1"])

    @unittest.skipIf(SANITIZED, "memory of a sanitizer says nothing")
    def test_memory_is_flat(self):
        server = self.serve()
        answer = curl(server.host, tar(oci_entries(make_image(1, "app:1", layers=4, size=40 * MIB), compressed=False)))
        self.assertEqual(answer.status, 200, answer)
        self.assertLess(answer.events[-1]["peak_memory_bytes"], 80 * MIB, answer)
        self.assertEqual(list(server.folder.glob("storage/*.tmp")), [])


class Safety(ServeCase):
    def test_pages_of_other_sites(self):
        server = self.serve()
        data = self.archive("app:1")
        self.assertEqual(curl(server.host, data, "", "-H", "Host: evil.example").status, 421)
        for header in ("Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"):
            self.assertEqual(curl(server.host, data, "", "-H", header).status, 403)
            name, value = header.split(": ")
            for method, path in (("POST", "/v2/app/blobs/uploads/"), ("DELETE", "/v2/app/manifests/1"),
                                 ("GET", "/push/events?id=0123456789")):
                self.assertEqual(request(server.host, method, path, headers={name: value}).status, 403, path)
        self.assertEqual(request(server.host, "GET", "/v2/", headers={"Host": "evil.example"}).status, 421)
        self.assertEqual(server.names_stored(), [])
        same = curl(server.host, data, "", "-H", f"Origin: http://{server.host}", "-H", "Sec-Fetch-Site: same-origin")
        self.assertEqual(same.status, 200, same)

    def test_names_of_a_proxy_in_front(self):
        server = self.serve("--allow-host", "images.example.com")
        for name in ("images.example.com", "images.example.com:8443", server.host):
            self.assertEqual(request(server.host, "GET", "/v2/", headers={"Host": name}).status, 200, name)
        answer = curl(server.host, self.archive("app:1"), "", "-H", "Origin: https://images.example.com")
        self.assertEqual(answer.status, 200, answer)

    def test_headers_for_browsers(self):
        server = self.serve()
        curl(server.host, self.archive("app:1"))
        page = request(server.host, "GET", "/")
        self.assertIn("script-src 'self'", page.headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", page.headers["Content-Security-Policy"])
        for path in ("/", "/page/page.js", "/info", "/healthz", "/v2/", "/v2/app/manifests/1", "/none"):
            answer = request(server.host, "GET", path)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff", path)
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"], path)
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers, path)
        self.assertEqual(request(server.host, "GET", "/healthz").body, b"ok\n")

    def test_beyond_loopback_only_when_it_is_said(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            result = tarpon("serve", "--listen", address, "--storage", self.folder / "none")
            self.assertEqual(result.code, 2, result)
            self.assertIn("is open to other machines", result.stderr)
            self.assertIn("--allow-anonymous", result.stderr)
        self.assertFalse((self.folder / "none").exists())
        server = self.serve("--listen", "0.0.0.0:0", "--allow-anonymous", "--allow-host", "somewhere.example")
        port = server.host.split(":")[1]
        answer = curl(f"127.0.0.1:{port}", self.archive("app:1"), "", "-H", "Host: somewhere.example")
        self.assertEqual(set(answer.references), {"somewhere.example/app:1"}, answer)


class Forwarding(ServeCase):
    def setUp(self):
        super().setUp()
        passwords = htpasswd(self.folder, USER, PASSWORD)
        self.registry = self.enterContext(DockerRegistry(self.folder / "registry", htpasswd=passwords))

    def test_into_a_registry_with_a_password(self):
        env = {"TARPON_USERNAME": USER, "TARPON_PASSWORD": PASSWORD}
        server = self.serve("--registry", f"{self.registry.host}/team", "--log-level", "trace", env=env)
        answers = [curl(server.host, fixture("docker28-multi").path), curl(server.host, self.archive("x:1"), "?to=app:1")]
        self.assertEqual([one.status for one in answers], [200, 200], answers[0])
        self.assertIn(f"{self.registry.host}/team/fixture/base:1", answers[0].references)
        self.assertEqual(set(answers[1].references), {f"{self.registry.host}/team/app:1"})
        spoken = [one.body for one in answers]
        spoken += [request(server.host, "GET", path).body.decode() for path in ("/", "/info", "/healthz", "/v2/")]
        spoken.append(server.server.log.read_text())
        for text in spoken:
            self.assertNotIn(PASSWORD, text)
        self.assertEqual(request(server.host, "GET", "/v2/").status, 404)
        self.assertEqual(json.loads(request(server.host, "GET", "/info").body)["registry"], f"{self.registry.host}/team")

    def test_a_wrong_password_is_our_fault_not_the_clients(self):
        env = {"TARPON_USERNAME": USER, "TARPON_PASSWORD": "wrong-secret"}
        server = self.serve("--registry", self.registry.host, env=env)
        answer = curl(server.host, self.archive("app:1"))
        self.assert_one_error(answer, 502, "auth", "the registry behind this server rejected its credentials")
        # Which ones is the administrator's to know.
        log = server.server.log.read_text()
        self.assertIn(f"a push failed: cannot push the upload: {self.registry.host} rejected the credentials of {USER}", log)
        for secret in ("wrong-secret", USER):
            self.assertNotIn(secret, answer.body)
        self.assertNotIn("wrong-secret", log)

    def test_words_are_those_of_the_request(self):
        server = self.serve()
        unnamed = curl(server.host, tar(docker_entries(make_image(1))))
        self.assertIn("PUT /push?to=NAME:TAG", unnamed.body)
        absent = curl(server.host, self.archive("app:1"), "?to=@9=x:1")
        self.assertIn("image=@9: there is no such image", absent.body)
        several = curl(server.host, tar(docker_entries(make_image(1, "one:1"), make_image(2, "two:1"))), "?to=x:1")
        self.assertIn("and to= is for one: choose it with image=", several.body)
        self.assertNotIn("--", unnamed.body + absent.body + several.body)
        self.assertIn("/push?to=NAME:TAG", request(server.host, "PUT", "/", b"x").body.decode())

    def test_options_that_no_push_could_begin_with(self):
        for options, words in ((("--registry=-bad",), "is not a host name"),
                               (("--registry", "r.example", "--authfile", self.folder / "none"), "cannot use the file"),
                               (("--registry", "r.example", "--storage", "x"), "cannot be used together")):
            result = tarpon("serve", "--listen", "127.0.0.1:0", *options)
            self.assertEqual(result.code, 2, result)
            self.assertIn(words, result.stderr)

    def test_which_mode_it_is(self):
        forwarding = self.serve("--registry", self.registry.host)
        self.assertIn('"registry":"', forwarding.server.log.read_text())
        # The variable is for push too: a folder that was asked for comes first.
        own = self.enterContext(EmbeddedRegistry(self.folder / "own", env={"TARPON_REGISTRY": self.registry.host}))
        self.assertIn('"storage":"', own.server.log.read_text())


if __name__ == "__main__":
    unittest.main()
