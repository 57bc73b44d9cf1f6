"""The distribution specification's requirements, one by one, against `tarpon serve`.

Re-created from distribution-spec v1.1 and from what its conformance suite asks: push, pull, content discovery,
content management, required and optional. Each test is one requirement; it prints a line with the number of the
endpoint in the specification's table (end-1 to end-13). Requests are written with http.client, no registry library.
"""
from __future__ import annotations

import functools
import hashlib
import json
import tempfile
import unittest
from pathlib import Path

from harness import EmbeddedRegistry, Response, request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
BYTES = {"Content-Type": "application/octet-stream"}
ALGORITHMS = ("sha256", "sha512")
# Of the specification's "Error Codes".
CODES = {"BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
         "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED",
         "UNSUPPORTED", "TOOMANYREQUESTS"}


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def pattern(size: int, seed: int = 0) -> bytes:
    return bytes((i * 31 + seed) % 251 for i in range(size))


def described(content: bytes, kind: str, **more) -> dict:
    return {"mediaType": kind, "digest": digest(content), "size": len(content), **more}


def encoded(value) -> bytes:
    return json.dumps(value).encode()


def image(config: bytes = b"{}", layers: tuple[bytes, ...] = (), **more) -> bytes:
    return encoded({"schemaVersion": 2, "mediaType": MANIFEST, "config": described(config, CONFIG),
                    "layers": [described(one, LAYER) for one in layers], **more})


def index(*children: bytes, **more) -> bytes:
    return encoded({"schemaVersion": 2, "mediaType": INDEX,
                    "manifests": [described(one, json.loads(one)["mediaType"]) for one in children], **more})


def end(number: str, words: str):
    """Marks the test of one requirement."""

    def mark(test):
        @functools.wraps(test)
        def run(self):
            test(self)
            print(f"ok {number:8} {words}", flush=True)

        return run

    return mark


class Conformance(unittest.TestCase):
    maxDiff = None
    count = 0

    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tarpon-e2e-")))
        cls.registry = cls.enterClassContext(EmbeddedRegistry(folder))

    def setUp(self):
        Conformance.count += 1
        self.name = f"conformance/t{self.count}"
        self.other = f"conformance/other{self.count}"

    # --- steps ---

    def ask(self, status: int | tuple[int, ...], method: str, path: str, body=None, headers=None, **how) -> Response:
        answer = request(self.registry.host, method, path, body, headers, **how)
        wanted = (status,) if isinstance(status, int) else status
        self.assertIn(answer.status, wanted, f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        if method == "HEAD":
            self.assertEqual(answer.body, b"")
        elif answer.status >= 400:
            self.assertIn(answer.json()["errors"][0]["code"], CODES)
        return answer

    def blob_path(self, name: str, repository: str = "") -> str:
        return f"/v2/{repository or self.name}/blobs/{name}"

    def uploads(self, query: str = "", repository: str = "") -> str:
        return f"/v2/{repository or self.name}/blobs/uploads/{query}"

    def manifest_path(self, name: str, repository: str = "") -> str:
        return f"/v2/{repository or self.name}/manifests/{name}"

    def begin(self, repository: str = "") -> str:
        return self.ask(202, "POST", self.uploads(repository=repository), headers={"Content-Length": "0"}).headers["Location"]

    @staticmethod
    def commit(location: str, name: str) -> str:
        return f"{location}{'&' if '?' in location else '?'}digest={name}"

    def patch(self, status: int, location: str, first: int, chunk: bytes) -> Response:
        return self.ask(status, "PATCH", location, chunk,
                        {**BYTES, "Content-Range": f"{first}-{first + len(chunk) - 1}"})

    def push(self, *blobs: bytes, repository: str = "", algorithm: str = "sha256") -> None:
        for data in blobs:
            self.ask(201, "PUT", self.commit(self.begin(repository), digest(data, algorithm)), data, BYTES)

    def put(self, manifest: bytes, name: str = "", status: int = 201, repository: str = "", kind: str = "") -> Response:
        kind = kind or json.loads(manifest)["mediaType"]
        return self.ask(status, "PUT", self.manifest_path(name or digest(manifest), repository), manifest,
                        {"Content-Type": kind})

    def assert_blob(self, committed: Response, data: bytes, name: str) -> None:
        """The Location of a commit, and the blob's own address."""
        for path in (committed.headers["Location"], self.blob_path(name)):
            got, head = self.ask(200, "GET", path), self.ask(200, "HEAD", path)
            self.assertEqual(got.body, data)
            for answer in (got, head):
                self.assertEqual(answer.headers["Content-Length"], str(len(data)))
                self.assertEqual(answer.headers["Docker-Content-Digest"], name)

    def assert_manifest(self, name: str, data: bytes) -> None:
        for method in ("GET", "HEAD"):
            answer = self.ask(200, method, self.manifest_path(name))
            self.assertEqual(answer.headers["Content-Type"], json.loads(data)["mediaType"])
            self.assertEqual(answer.headers["Content-Length"], str(len(data)))
            algorithm = name.split(":")[0] if ":" in name else "sha256"
            self.assertEqual(answer.headers["Docker-Content-Digest"], digest(data, algorithm))
            self.assertEqual(answer.body, data if method == "GET" else b"")

    def contents(self):
        """Every algorithm with no bytes at all, an empty object, and some more."""
        for algorithm in ALGORITHMS:
            for data in (b"", b"{}", pattern(3067)):
                with self.subTest(algorithm=algorithm, size=len(data)):
                    yield data, digest(data, algorithm)

    def tags(self, query: str = "") -> tuple[list[str], str]:
        answer = self.ask(200, "GET", f"/v2/{self.name}/tags/list{query}")
        self.assertEqual(answer.json()["name"], self.name)
        return answer.json()["tags"], answer.headers.get("Link", "")

    def referrers(self, subject: str, query: str = "") -> tuple[list[dict], Response]:
        answer = self.ask(200, "GET", f"/v2/{self.name}/referrers/{subject}{query}")
        self.assertEqual(answer.headers["Content-Type"], INDEX)
        self.assertEqual((answer.json()["schemaVersion"], answer.json()["mediaType"]), (2, INDEX))
        return answer.json()["manifests"], answer

    # --- pull ---

    @end("end-1", "GET /v2/ answers 200")
    def test_api_version(self):
        self.ask(200, "GET", "/v2/")
        self.ask(200, "HEAD", "/v2/")

    @end("end-2", "GET and HEAD of an absent blob are 404 BLOB_UNKNOWN")
    def test_absent_blob(self):
        for algorithm in ALGORITHMS:
            path = self.blob_path(digest(b"absent", algorithm))
            self.assertEqual(self.ask(404, "GET", path).json()["errors"][0]["code"], "BLOB_UNKNOWN")
            self.ask(404, "HEAD", path)

    @end("end-2", "a range of a blob is 206 with exactly its bytes")
    def test_blob_ranges(self):
        data = pattern(2048)
        self.push(data)
        for text, first, last in (("500-1499", 500, 1499), ("500-", 500, 2047), ("-500", 1548, 2047), ("2000-5000", 2000, 2047)):
            answer = self.ask(206, "GET", self.blob_path(digest(data)), headers={"Range": f"bytes={text}"})
            self.assertEqual(answer.body, data[first:last + 1])
            self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{last}/2048")
            self.assertEqual(answer.headers["Content-Length"], str(last - first + 1))

    @end("end-2", "a range outside of a blob is 416")
    def test_blob_ranges_outside(self):
        data = pattern(2048)
        self.push(data)
        for text in ("500-0", "5000-10000"):
            answer = self.ask(416, "GET", self.blob_path(digest(data)), headers={"Range": f"bytes={text}"})
            self.assertEqual(answer.headers["Content-Range"], "bytes */2048")

    @end("end-3", "GET and HEAD of an absent manifest, by tag and by digest, are 404 MANIFEST_UNKNOWN")
    def test_absent_manifest(self):
        for name in ("absent", digest(b"absent"), digest(b"absent", "sha512")):
            answer = self.ask(404, "GET", self.manifest_path(name))
            self.assertEqual(answer.json()["errors"][0]["code"], "MANIFEST_UNKNOWN")
            self.ask(404, "HEAD", self.manifest_path(name))

    @end("end-3", "a manifest is answered byte for byte with its own type, by tag and by digest")
    def test_manifest(self):
        self.push(b"{}", b"layer")
        data = image(layers=(b"layer",))
        self.put(data, "1.0")
        for name in ("1.0", digest(data)):
            self.assert_manifest(name, data)

    @end("end-3", "what is neither a tag nor a digest is not found")
    def test_bad_reference(self):
        self.ask((400, 404), "GET", self.manifest_path("sha256:baddigeststring"))
        self.ask((400, 404), "GET", self.manifest_path("." + "x" * 128))

    # --- push: blobs ---

    @end("end-4a", "POST opens a session, whose Location takes the whole blob by PUT (end-6)")
    def test_post_put(self):
        for data, name in self.contents():
            self.assert_blob(self.ask(201, "PUT", self.commit(self.begin(), name), data, BYTES), data, name)

    @end("end-4b", "POST with ?digest= takes the whole blob")
    def test_single_post(self):
        for data, name in self.contents():
            self.assert_blob(self.ask(201, "POST", self.uploads(f"?digest={name}"), data, BYTES), data, name)

    @end("end-5", "chunks go in order, each answered with where the upload stands")
    def test_chunks(self):
        data = pattern(3067)
        for algorithm in ALGORITHMS:
            location, name = self.begin(), digest(data, algorithm)
            for first in (0, 1024, 2048):
                chunk = data[first:first + 1024]
                answer = self.patch(202, location, first, chunk)
                self.assertEqual(answer.headers["Range"], f"0-{first + len(chunk) - 1}")
                location = answer.headers["Location"]
            done = self.ask(201, "PUT", self.commit(location, name), headers={"Content-Length": "0"})
            self.assert_blob(done, data, name)

    @end("end-5", "a PATCH without Content-Range streams the blob, chunked or not")
    def test_stream(self):
        for data, name in self.contents():
            for chunked in (False, True):
                body = iter([data[:1000], data[1000:]]) if chunked else data
                answer = self.ask(202, "PATCH", self.begin(), body, BYTES, chunked=chunked)
                done = self.ask(201, "PUT", self.commit(answer.headers["Location"], name), headers={"Content-Length": "0"})
                self.assert_blob(done, data, name)

    @end("end-5", "a chunk out of order, or a second time, is 416 and changes nothing")
    def test_chunks_out_of_order(self):
        data = pattern(3067)
        location = self.begin()
        self.patch(416, location, 1024, data[1024:2048])
        self.patch(202, location, 0, data[:1024])
        for first in (0, 1, 2048):
            answer = self.patch(416, location, first, data[first:first + 1000])
            self.assertEqual(answer.headers["Range"], "0-1023")
            self.assertIn("Location", answer.headers)
        self.patch(202, location, 1024, data[1024:2048])
        self.patch(202, location, 2048, data[2048:])
        self.assert_blob(self.ask(201, "PUT", self.commit(location, digest(data))), data, digest(data))

    @end("end-6", "the last chunk may come with the PUT; out of order that is 416 too")
    def test_last_chunk_in_put(self):
        data = pattern(3067)
        location, name = self.begin(), digest(data)
        self.patch(202, location, 0, data[:1024])
        self.patch(202, location, 1024, data[1024:2048])
        for first, status in ((1024, 416), (2048, 201)):
            answer = self.ask(status, "PUT", self.commit(location, name), data[first:],
                              {**BYTES, "Content-Range": f"{first}-{len(data) - 1}"})
        self.assert_blob(answer, data, name)

    @end("end-6", "bytes of another digest are 400 DIGEST_INVALID and no blob, whichever way they came")
    def test_wrong_digest(self):
        for algorithm in ALGORITHMS:
            wrong = digest(b"something else", algorithm)
            ways = [self.ask(400, "POST", self.uploads(f"?digest={wrong}"), b"hello", BYTES),
                    self.ask(400, "PUT", self.commit(self.begin(), wrong), b"hello", BYTES)]
            location = self.begin()
            self.patch(202, location, 0, b"hel")
            self.patch(202, location, 3, b"lo")
            ways.append(self.ask(400, "PUT", self.commit(location, wrong)))
            location = self.begin()
            self.ask(202, "PATCH", location, iter([b"hello"]), BYTES, chunked=True)
            ways.append(self.ask(400, "PUT", self.commit(location, wrong)))
            for answer in ways:
                self.assertEqual(answer.json()["errors"][0]["code"], "DIGEST_INVALID")
            self.ask(404, "HEAD", self.blob_path(wrong))

    @end("end-5/6", "an unknown session is 404 BLOB_UPLOAD_UNKNOWN")
    def test_unknown_session(self):
        location = self.uploads("0" * 32)
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            path = self.commit(location, digest(b"x")) if method == "PUT" else location
            self.assertEqual(self.ask(404, method, path).json()["errors"][0]["code"], "BLOB_UPLOAD_UNKNOWN")

    @end("end-13", "GET of a session says where it stands")
    def test_upload_status(self):
        location = self.begin()
        self.patch(202, location, 0, pattern(1024))
        answer = self.ask(204, "GET", location)
        self.assertEqual((answer.headers["Range"], answer.headers["Location"], answer.body), ("0-1023", location, b""))

    @end("end-13", "a session can be cancelled, and is gone then")
    def test_upload_cancel(self):
        location = self.begin()
        self.patch(202, location, 0, pattern(10))
        self.ask(204, "DELETE", location)
        self.ask(404, "GET", location)

    @end("end-11", "a blob is mounted from a repository that has it")
    def test_mount(self):
        data = pattern(1000)
        for algorithm in ALGORITHMS:
            name = digest(data, algorithm)
            self.push(data, repository=self.other, algorithm=algorithm)
            answer = self.ask(201, "POST", self.uploads(f"?mount={name}&from={self.other}"), headers={"Content-Length": "0"})
            self.assertEqual(answer.headers["Location"], self.blob_path(name))
            self.assert_blob(answer, data, name)

    @end("end-11", "what cannot be mounted, or has no `from`, is an upload instead: 202")
    def test_mount_refused(self):
        data = pattern(1001)
        self.push(data, repository=self.other)
        absent = b"not there " + self.name.encode()
        for query, content in ((f"?mount={digest(data)}", data), (f"?mount={digest(absent)}&from={self.other}", absent),
                               (f"?mount={digest(data)}&from=no/such/repository", data)):
            answer = self.ask(202, "POST", self.uploads(query), headers={"Content-Length": "0"})
            self.ask(201, "PUT", self.commit(answer.headers["Location"], digest(content)), content, BYTES)

    # --- push: manifests ---

    def data_sets(self) -> dict[str, list[bytes]]:
        """Name -> manifests in the order in which they are pushed, after their blobs."""
        layers = (pattern(100), pattern(200))
        plain = image(layers=layers)
        artifact = image(config=b"{}", layers=(b"an artifact",), artifactType="application/vnd.example")
        ref = described(plain, MANIFEST)
        return {
            "image": [plain],
            "no layers": [image()],
            "artifact": [artifact],
            "large": [image(annotations={f"key{i}": "x" * 10_000 for i in range(390)})],
            "index": [plain, artifact, index(plain, artifact)],
            "nested index": [plain, index(plain), index(index(plain))],
            "empty index": [index()],
            "artifact index": [artifact, index(artifact, artifactType="application/vnd.example")],
            "subjects": [plain, *(image(layers=(b"an artifact",), subject=ref, artifactType=kind)
                                  for kind in ("a/sbom", "a/signature")), image(subject=ref, annotations={"a": "b"})],
            "index with subject": [plain, index(plain, subject=ref, artifactType="a/index")],
            "missing subject": [image(subject=described(b"nowhere", MANIFEST))],
            "inline data": [encoded({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/b",
                                     "config": described(b"{}", EMPTY, data="e30="), "layers": []})],
            "foreign layers": [encoded({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": described(b"{}", CONFIG),
                "layers": [described(b"elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar",
                                     urls=["https://example.com/layer"])]})],
            "unknown members": [image(layers=layers, **{"x-custom": {"a": [1, None, "ü"]}})],
        }

    @end("end-7", "images, artifacts, indexes, subjects: 201, and what Location says is what was sent")
    def test_manifests(self):
        self.push(b"{}", b"an artifact", pattern(100), pattern(200))
        for title, manifests in self.data_sets().items():
            for number, data in enumerate(manifests):
                with self.subTest(title, number=number):
                    answer = self.put(data)
                    self.assertEqual(answer.headers["Docker-Content-Digest"], digest(data))
                    got = self.ask(200, "GET", answer.headers["Location"])
                    self.assertEqual(got.body, data)
                    subject = json.loads(data).get("subject", {}).get("digest")
                    self.assertEqual(answer.headers.get("OCI-Subject"), subject)
                    self.put(data, f"tag{number}")
                    self.assert_manifest(f"tag{number}", data)

    @end("end-7", "a manifest by its sha512")
    def test_manifest_sha512(self):
        self.push(b"{}")
        data = image()
        self.put(data, digest(data, "sha512"))
        self.assert_manifest(digest(data, "sha512"), data)

    @end("end-7", "what a manifest names must be there: 404 MANIFEST_BLOB_UNKNOWN")
    def test_manifest_without_blobs(self):
        self.push(b"{}")
        for data in (image(config=b"absent"), image(layers=(b"absent",)), index(image())):
            answer = self.put(data, "1", status=404)
            self.assertEqual(answer.json()["errors"][0]["code"], "MANIFEST_BLOB_UNKNOWN")
        self.ask(404, "HEAD", self.manifest_path("1"))

    @end("end-7", "a manifest of another digest, of another type, or that is none: 400")
    def test_bad_manifests(self):
        self.push(b"{}")
        data = image()
        self.assertEqual(self.put(data + b"  ", digest(data), status=400, kind=MANIFEST).json()["errors"][0]["code"],
                         "DIGEST_INVALID")
        for body, kind, name in ((data, INDEX, "1"), (data, "text/plain", "1"), (data, "application/json", "1"),
                                 (b"{", MANIFEST, "1"), (b"", MANIFEST, "1"), (data, MANIFEST, "sha256:baddigeststring"),
                                 (data, MANIFEST, "-not-a-tag"), (data, MANIFEST, "x" * 129)):
            with self.subTest(kind=kind, name=name):
                self.put(body, name, status=400, kind=kind)

    @end("end-7", "a tag of 128 characters; parameters of the content type do not matter")
    def test_tag_grammar(self):
        self.push(b"{}")
        data = image()
        for tag in ("_", "x" * 128, "A-b.C_1"):
            self.put(data, tag, kind=f"{MANIFEST}; charset=utf-8")
            self.assert_manifest(tag, data)

    @end("end-7", "a manifest over 4 MiB is 413")
    def test_manifest_limit(self):
        self.push(b"{}")
        self.put(image(annotations={"k": "x" * (4 << 20)}), "1", status=413)

    # --- content discovery ---

    @end("end-8a", "all tags, in the order of their bytes; an unknown repository is 404 NAME_UNKNOWN")
    def test_tags(self):
        answer = self.ask(404, "GET", f"/v2/{self.name}/tags/list")
        self.assertEqual(answer.json()["errors"][0]["code"], "NAME_UNKNOWN")
        self.push(b"{}")
        for tag in ("b", "A", "10", "a", "9"):
            self.put(image(), tag)
        self.assertEqual(self.tags(), (["10", "9", "A", "a", "b"], ""))

    @end("end-8b", "?n= and ?last= make pages, and Link leads through them; n=0 is an empty list without Link")
    def test_tag_pages(self):
        self.push(b"{}")
        for tag in ("a", "b", "c", "d", "e"):
            self.put(image(), tag)
        page, link = self.tags("?n=4")
        self.assertEqual(page, ["a", "b", "c", "d"])
        self.assertRegex(link, r'^<[^>]+>; rel="next"$')
        rest = self.ask(200, "GET", link[1:link.index(">")])
        self.assertEqual((rest.json()["tags"], rest.headers.get("Link")), (["e"], None))
        self.assertEqual(self.tags("?last=b"), (["c", "d", "e"], ""))
        self.assertEqual(self.tags("?n=2&last=b")[0], ["c", "d"])
        self.assertEqual(self.tags("?n=0"), ([], ""))
        self.assertEqual(self.tags("?n=1000000000"), (["a", "b", "c", "d", "e"], ""))

    @end("end-12a", "referrers of whatever digest: an index, empty where there are none; a bad digest is 400")
    def test_no_referrers(self):
        for algorithm in ALGORITHMS:
            self.assertEqual(self.referrers(digest(b"nothing", algorithm))[0], [])
        self.ask(400, "GET", f"/v2/{self.name}/referrers/sha256:x")

    @end("end-12a", "referrers with type, artifact type or the config's, and annotations, whether the subject is there or not")
    def test_referrers(self):
        self.push(b"{}")
        subject = image()
        ref = described(subject, MANIFEST)
        typed = image(subject=ref, artifactType="a/sbom", annotations={"k": "v", "ü": "<"})
        untyped, of_index = image(subject=ref), index(subject=ref, annotations={"i": "1"})
        for one in (typed, untyped):
            self.put(one)
        expected = [described(typed, MANIFEST, artifactType="a/sbom", annotations={"k": "v", "ü": "<"}),
                    described(untyped, MANIFEST, artifactType=CONFIG)]
        order = lambda one: one["digest"]  # noqa: E731
        self.assertEqual(self.referrers(digest(subject))[0], sorted(expected, key=order))
        self.put(subject, "1")
        self.put(of_index)
        expected.append(described(of_index, INDEX, annotations={"i": "1"}))
        self.assertEqual(self.referrers(digest(subject))[0], sorted(expected, key=order))
        # Also after a restart, and only while they are there.
        self.registry.stop()
        self.registry.start()
        self.assertEqual(len(self.referrers(digest(subject))[0]), 3)
        self.ask(202, "DELETE", self.manifest_path(digest(typed)))
        self.assertEqual(self.referrers(digest(subject))[0], sorted(expected[1:], key=order))

    @end("end-12b", "?artifactType= answers only these, and says that it did")
    def test_referrers_by_type(self):
        self.push(b"{}")
        ref = described(b"subject", MANIFEST)
        for kind in ("a/sbom", "a/sbom+json", "a/signature"):
            self.put(image(subject=ref, artifactType=kind))
        found, answer = self.referrers(digest(b"subject"), "?artifactType=a/sbom%2Bjson")
        self.assertEqual([one["artifactType"] for one in found], ["a/sbom+json"])
        self.assertEqual(answer.headers["OCI-Filters-Applied"], "artifactType")
        self.assertNotIn("OCI-Filters-Applied", self.referrers(digest(b"subject"))[1].headers)

    @end("end-12", "an answer that would be too large comes in pages, by Link")
    def test_referrer_pages(self):
        self.push(b"{}")
        ref = described(b"subject", MANIFEST)
        pushed = [image(subject=ref, artifactType="a/b", annotations={"k": f"{i}" + "x" * 1_900_000}) for i in range(3)]
        for one in pushed:
            self.put(one)
        seen, path = [], f"/v2/{self.name}/referrers/{digest(b'subject')}?artifactType=a/b"
        while path:
            answer = self.ask(200, "GET", path)
            self.assertLess(len(answer.body), 5 << 20)
            seen += [one["digest"] for one in answer.json()["manifests"]]
            link = answer.headers.get("Link", "")
            path = link[1:link.index(">")] if link else ""
        self.assertEqual(seen, sorted(digest(one) for one in pushed))

    # --- content management ---

    @end("end-9", "DELETE of a tag: 202, then 404; other tags and the digest stay")
    def test_delete_tag(self):
        self.push(b"{}")
        data = image()
        for tag in ("1", "2"):
            self.put(data, tag)
        self.ask(202, "DELETE", self.manifest_path("1"))
        self.ask(404, "HEAD", self.manifest_path("1"))
        self.ask(404, "DELETE", self.manifest_path("1"))
        self.assertEqual(self.tags()[0], ["2"])
        for name in ("2", digest(data)):
            self.assert_manifest(name, data)

    @end("end-9", "DELETE of a digest: 202, then 404 for it and for its tags")
    def test_delete_manifest(self):
        self.push(b"{}")
        for algorithm in ALGORITHMS:
            data = image(annotations={"a": algorithm})
            name = digest(data, algorithm)
            self.put(data, name)
            if algorithm == "sha256":
                self.put(data, "1")
            self.ask(202, "DELETE", self.manifest_path(name))
            for gone in (name, "1"):
                self.ask(404, "GET", self.manifest_path(gone))
            self.ask(404, "DELETE", self.manifest_path(name))

    @end("end-10", "DELETE of a blob: 202, then 404 at once; other repositories keep theirs")
    def test_delete_blob(self):
        for data, name in self.contents():
            algorithm = name.split(":")[0]
            for repository in (self.name, self.other):
                self.push(data, repository=repository, algorithm=algorithm)
            self.ask(202, "DELETE", self.blob_path(name))
            self.ask(404, "HEAD", self.blob_path(name))
            self.ask(404, "DELETE", self.blob_path(name))
            self.assertEqual(self.ask(200, "GET", self.blob_path(name, self.other)).body, data)

    @end("end-10", "a blob that a manifest names stays until that is deleted: 409 DENIED")
    def test_delete_blob_in_use(self):
        self.push(b"{}", b"layer")
        data = image(layers=(b"layer",))
        self.put(data, "1")
        self.assertEqual(self.ask(409, "DELETE", self.blob_path(digest(b"layer"))).json()["errors"][0]["code"], "DENIED")
        self.ask(202, "DELETE", self.manifest_path(digest(data)))
        self.ask(202, "DELETE", self.blob_path(digest(b"layer")))

    @end("all", "names that are none are 400 NAME_INVALID, whatever is asked of them")
    def test_bad_names(self):
        for name in ("UPPER", "a//b", "a%2Fb", "-a", "a..b", "x" * 256):
            for path in (f"/v2/{name}/tags/list", f"/v2/{name}/manifests/1", f"/v2/{name}/blobs/{digest(b'')}",
                         f"/v2/{name}/referrers/{digest(b'')}"):
                answer = self.ask(400, "GET", path)
                self.assertEqual(answer.json()["errors"][0]["code"], "NAME_INVALID", path)


if __name__ == "__main__":
    unittest.main()
