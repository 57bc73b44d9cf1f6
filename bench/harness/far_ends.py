"""What is pushed to: registries with fresh storage, and the sink, on loopback, each for one run."""
from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .process import Background

MANIFEST_TYPES = ", ".join([
    "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json"])


@dataclass(frozen=True)
class Programs:
    """Where what is built here lies."""

    tarpon: str
    sink: str


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, which is its own authority."""
    certificate, key = folder / "ca.crt", folder / "server-key.pem"
    if not certificate.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=tarpon bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
    return certificate, key


class FarEnd:
    """Started with `with`; `host` is HOST:PORT."""

    title = ""
    keeps = True  # blobs can be read back from `storage`

    def __init__(self, programs: Programs, folder: Path, tls: bool = False):
        self.programs, self.folder, self.host = programs, folder, ""
        self.storage = folder / "storage"
        self.certificate, self.key = make_certificate(folder.parent / "tls") if tls else (None, None)

    def command(self) -> list:
        raise NotImplementedError

    def pattern(self) -> str:
        raise NotImplementedError

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.storage.mkdir(parents=True)
        self.server = Background(self.command(), self.folder / "log", {"OTEL_TRACES_EXPORTER": "none"})
        self.host = self.server.wait_for(self.pattern())
        return self

    def __exit__(self, *_):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method: str, path: str, headers: dict | None = None, body: bytes | None = None):
        """Status, headers, body of one request on a connection of its own."""
        if self.certificate:
            trust = ssl.create_default_context(cafile=str(self.certificate))
            connection = http.client.HTTPSConnection(self.host, timeout=60, context=trust)
        else:
            connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def manifest(self, repository: str, reference: str) -> bytes | None:
        status, _, body = self.ask("GET", f"/v2/{repository}/manifests/{reference}", {"Accept": MANIFEST_TYPES})
        return body if status == 200 else None

    def blob_path(self, digest: str) -> Path:
        raise NotImplementedError

    def stored(self) -> int:
        """Bytes of blobs that it took so far."""
        raise NotImplementedError

    def requests(self) -> int | None:
        return None


class DockerRegistry(FarEnd):
    title = "docker-registry"

    def command(self) -> list:
        config = {
            "version": 0.1, "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True},
                        "maintenance": {"uploadpurging": {"enabled": False}}},
            "http": {"addr": "127.0.0.1:0"}}
        if self.certificate:
            config["http"]["tls"] = {"certificate": str(self.certificate), "key": str(self.key)}
        file = self.folder / "config.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        return ["docker-registry", "serve", file]

    def pattern(self) -> str:
        return r"listening on (127\.0\.0\.1:\d+)"

    def blob_path(self, digest: str) -> Path:
        hexadecimal = digest[7:]
        return self.storage / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"

    def stored(self) -> int:
        return sum(file.stat().st_size for file in self.storage.rglob("blobs/sha256/*/*/data"))


class Embedded(FarEnd):
    title = "tarpon serve"

    def command(self) -> list:
        return [self.programs.tarpon, "serve", "--listen", "127.0.0.1:0", "--storage", self.storage]

    def pattern(self) -> str:
        return r"registry at http://([^,\s]+)"

    def blob_path(self, digest: str) -> Path:
        return self.storage / "blobs/sha256" / digest[7:]

    def stored(self) -> int:
        return sum(file.stat().st_size for file in (self.storage / "blobs").rglob("*") if file.is_file())


class Sink(FarEnd):
    """Keeps nothing; with `hash` it refuses wrong digests. The rest shapes the link."""

    title = "sink"
    keeps = False

    def __init__(self, programs: Programs, folder: Path, tls: bool = False, hash: bool = False, delay_ms: int = 0,
                 rate: int = 0, reset_every: int = 0):
        super().__init__(programs, folder, tls)
        self.options = ["--delay-ms", delay_ms, "--rate", rate, "--reset-every", reset_every]
        if hash:
            self.options.append("--hash")

    def command(self) -> list:
        tls = ["--tls-cert", self.certificate, "--tls-key", self.key] if self.certificate else []
        return [self.programs.sink, *self.options, *tls]

    def pattern(self) -> str:
        return r"listening on (127\.0\.0\.1:\d+)"

    def counters(self) -> dict:
        return json.loads(self.ask("GET", "/_sink/counters")[2])

    def stored(self) -> int:
        return self.counters()["blob_bytes"]

    def requests(self) -> int | None:
        return self.counters()["requests"]


FAR_ENDS = {"docker-registry": DockerRegistry, "embedded": Embedded, "sink": Sink}
