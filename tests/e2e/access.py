"""What stands between tarpon and a registry: certificates, passwords, token servers, proxies.

Real parts wherever there are any: OpenSSL makes the certificates, htpasswd the password files, Debian's
docker-registry checks passwords, tokens and client certificates, tinyproxy and squid are the proxies.
"""
from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

from harness import Background, DockerRegistry, QuietHandler, free_port, http_server, wait_until


def openssl(*arguments: str, data: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True).stdout


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "tarpon test authority"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key, self.cert = folder / "ca.key", folder / "ca.crt"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.cert, "-days", "30",
                "-subj", f"/CN={name}")

    def issue(self, name: str, alternative: str = "IP:127.0.0.1", days: int = 30) -> tuple[Path, Path]:
        """Certificate and key for a server or a client; with negative `days` it has expired."""
        key, request, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-out", cert,
                "-days", str(days), "-extfile", extensions)
        return cert, key


def htpasswd(folder: Path, username: str, password: str) -> Path:
    file = folder / "htpasswd"
    line = subprocess.run(["htpasswd", "-nbB", username, password], stdout=subprocess.PIPE, check=True).stdout
    file.write_bytes(line)
    return file


class SecuredRegistry(DockerRegistry):
    """docker-registry with TLS, client certificates or token authentication."""

    def __init__(self, folder: Path, *, tls=None, client_authority: Path | None = None, password_file=None, token=None):
        super().__init__(folder, htpasswd=password_file)
        if tls:
            cert, key = tls
            self.http["tls"] = {"certificate": str(cert), "key": str(key)}
            if client_authority:
                self.http["tls"]["clientcas"] = [str(client_authority)]
        if token:
            self.auth = {"token": token}


class TokenServer:
    """Issues tokens as docker's specification says, signed with RS256."""

    LEEWAY = 60  # distribution accepts tokens this long after their end

    def __init__(self, folder: Path, users: dict[str, str], life: float = 300):
        folder.mkdir(parents=True, exist_ok=True)
        self.users, self.life = users, life
        self.allowed = {"pull", "push"}
        self.requests: list[dict] = []
        self.last_end = 0.0
        self.key, self.cert = folder / "token.key", folder / "token.crt"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.cert, "-days", "30",
                "-subj", "/CN=token server")
        self.chain = base64.b64encode(openssl("x509", "-in", self.cert, "-outform", "DER")).decode()
        self.host = ""

    def config(self) -> dict:
        return {"realm": f"http://{self.host}/token", "service": "tarpon-test", "issuer": "tarpon-issuer",
                "rootcertbundle": str(self.cert)}

    def sign(self, claims: dict) -> str:
        def packed(data: bytes) -> bytes:
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        head = packed(json.dumps({"typ": "JWT", "alg": "RS256", "x5c": [self.chain]}).encode())
        text = head + b"." + packed(json.dumps(claims).encode())
        return (text + b"." + packed(openssl("dgst", "-sha256", "-sign", self.key, data=text))).decode()

    def token_for(self, user: str, scopes: list[str]) -> dict:
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": sorted(set(actions.split(",")) & self.allowed)})
        now = time.time()
        self.last_end = now + self.life
        claims = {"iss": "tarpon-issuer", "sub": user, "aud": "tarpon-test", "exp": int(self.last_end - self.LEEWAY),
                  "nbf": int(now - self.LEEWAY), "iat": int(now), "jti": str(len(self.requests)), "access": access}
        return {"token": self.sign(claims), "expires_in": int(self.life)}

    def expired(self) -> bool:
        """Has every token issued so far come to its end?"""
        return time.time() > self.last_end + 1

    @contextlib.contextmanager
    def running(self):
        server = self

        class Handler(QuietHandler):
            def user(self) -> str | None:
                scheme, _, packed = self.headers.get("Authorization", "").partition(" ")
                if scheme != "Basic":
                    return None
                name, _, password = base64.b64decode(packed).decode().partition(":")
                return name if server.users.get(name) == password else None

            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                server.requests.append(query)
                user = self.user()
                if user is None:
                    self.answer(401, b'{"details":"incorrect username or password"}',
                                [("Content-Type", "application/json")])
                    return
                scopes = [scope for scope in query.get("scope", []) if scope]
                body = json.dumps(server.token_for(user, scopes)).encode()
                self.answer(200, body, [("Content-Type", "application/json")])

        with http_server(Handler) as self.host:
            yield self


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def knowing(name: str, folder: Path, command: list) -> list:
    """The command, for which alone `name` means loopback (a mount namespace with its own /etc/hosts)."""
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {name}\n")
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, hosts, *command]


@contextlib.contextmanager
def tinyproxy(folder: Path, name: str, user: str, password: str):
    """HOST:PORT of a proxy that takes CONNECT to any port and can resolve `name`."""
    port = free_port()
    config, log = folder / "tinyproxy.conf", folder / "tinyproxy.log"
    lines = [f"Port {port}", "Listen 127.0.0.1", "Timeout 600", "MaxClients 100", f'PidFile "{folder}/tinyproxy.pid"']
    lines.append(f"BasicAuth {user} {password}")
    config.write_text("\n".join(lines) + "\n")
    with Background(knowing(name, folder, ["tinyproxy", "-d", "-c", config]), log):
        wait_until(lambda: listens(port), "tinyproxy listens")
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def squid(folder: Path, name: str, user: str, password: str, tls: tuple[Path, Path] | None = None):
    """HOST:PORT of a squid that wants a password, itself over TLS if it has a certificate."""
    port = free_port()
    run = folder / "squid"
    run.mkdir()
    os.chmod(folder, 0o755)
    os.chmod(run, 0o777)
    passwords = htpasswd(run, user, password)
    os.chmod(passwords, 0o644)
    listen = f"https_port 127.0.0.1:{port} tls-cert={tls[0]} tls-key={tls[1]}" if tls else f"http_port 127.0.0.1:{port}"
    config = run / "squid.conf"
    config.write_text(f"""
{listen}
auth_param basic program /usr/lib/squid/basic_ncsa_auth {passwords}
auth_param basic children 2
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
pid_filename {run}/squid.pid
access_log none
cache_log {run}/cache.log
coredump_dir {run}
shutdown_lifetime 0 seconds
visible_hostname localhost
""")
    with Background(knowing(name, folder, ["squid", "-N", "-f", config]), run / "log"):
        wait_until(lambda: listens(port), "squid listens")
        yield f"127.0.0.1:{port}"
