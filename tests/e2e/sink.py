"""A registry that takes everything and keeps nothing, for streams that are larger than any disk of a test machine.

It speaks the upload protocol, counts bytes without copying them out of the kernel, and remembers the digests that
were committed and the manifests, so that a push can be judged by what arrived. One process, one thread a connection.
"""
import contextlib
import json
import re
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path

from harness import Background, Registry

LINE_STEP = 512  # heads are read in small steps, so that what is dropped is mostly still in the kernel
DROP_STEP = 1 << 20


class Connection:
    """Reads requests off a socket; `body` either gives the bytes or drops and counts them."""

    def __init__(self, link: socket.socket):
        self.link, self.buffer = link, b""
        self.waste = bytearray(DROP_STEP)

    def line(self) -> bytes:
        while b"\n" not in self.buffer:
            more = self.link.recv(LINE_STEP)
            if not more:
                raise ConnectionError("closed")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def head(self):
        method, target, _ = self.line().decode().split(" ")
        headers = {}
        while line := self.line().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return method, target, headers

    def take(self, size: int, keep: list | None) -> None:
        while size:
            if self.buffer:
                piece, self.buffer = self.buffer[:size], self.buffer[size:]
            elif keep is None:
                got = self.link.recv_into(self.waste, min(size, DROP_STEP), socket.MSG_TRUNC)
                if not got:
                    raise ConnectionError("closed")
                size -= got
                continue
            else:
                piece = self.link.recv(min(size, DROP_STEP))
                if not piece:
                    raise ConnectionError("closed")
            size -= len(piece)
            if keep is not None:
                keep.append(piece)

    def body(self, headers, keep: list | None = None) -> int:
        if headers.get("transfer-encoding") != "chunked":
            size = int(headers.get("content-length", 0))
            self.take(size, keep)
            return size
        total = 0
        while size := int(self.line(), 16):
            self.take(size, keep)
            self.line()
            total += size
        self.line()
        return total


class Sink:
    def __init__(self):
        self.blobs: dict[str, int] = {}  # digest -> size
        self.uploads: dict[str, int] = {}  # session -> size so far
        self.manifests: dict[str, str] = {}

    def serve(self, link: socket.socket) -> None:
        with link, contextlib.suppress(ConnectionError):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(link)
            while True:
                self.answer(connection, *connection.head())

    def answer(self, connection: Connection, method: str, target: str, headers: dict[str, str]) -> None:
        status, more, content = 404, {}, b""
        if target == "/state":
            connection.body(headers)
            status, content = 200, json.dumps(vars(self)).encode()
        elif target == "/v2/":
            connection.body(headers)
            status = 200
        elif session := re.search(r"/blobs/uploads/([0-9a-f]+)", target):
            status, more = self.to_session(connection, method, target, headers, session[1])
        elif method == "POST" and target.endswith("/blobs/uploads/"):
            connection.body(headers)
            name = secrets.token_hex(8)
            self.uploads[name] = 0
            status, more = 202, {"Location": target + name}
        elif method == "PUT" and "/manifests/" in target:
            kept: list[bytes] = []
            connection.body(headers, kept)
            self.manifests[target.rpartition("/")[2]] = b"".join(kept).decode()
            status = 201
        else:
            connection.body(headers)
        lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in more.items())]
        if status != 204:
            lines.append(f"Content-Length: {len(content)}")
        connection.link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else content))

    def to_session(self, connection, method, target, headers, name):
        size = connection.body(headers)
        if name not in self.uploads:
            return 404, {}
        self.uploads[name] += size
        if method == "PATCH":
            return 202, {"Location": target, "Range": f"0-{self.uploads[name] - 1}"}
        size = self.uploads.pop(name)
        if method == "DELETE":
            return 204, {}
        self.blobs[re.search(r"digest=(sha256(?::|%3[Aa])[0-9a-f]{64})", target)[1].replace("%3A", ":")] = size
        return 201, {"Location": target}


class SinkRegistry(Registry):
    """The sink in a process of its own."""

    def start(self) -> None:
        self.server = Background([sys.executable, Path(__file__)], self.folder / "log")
        self.host = self.server.wait_for(r"listening on (\S+)")[1]

    def state(self) -> dict:
        return self.request("GET", "/state").json()


def main() -> None:
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print(f"listening on 127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            link, _ = server.accept()
            threading.Thread(target=sink.serve, args=(link,), daemon=True).start()


if __name__ == "__main__":
    main()
