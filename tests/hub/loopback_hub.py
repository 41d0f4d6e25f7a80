"""A hub on loopback: as much of its protocol as `huggingface_hub` and mergec speak, and faults.

Files that are stored apart, as weights are, lead to another origin, as they do on a real hub.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.parse import unquote, urlsplit

Fault = Literal[
    "cut",
    "busy",
    "limited",  # too many requests, with a time to come back
    "ranges ignored",
    "wrong range",
    "other bytes",
    "compressed",
    "circle",  # leads back to itself
    "page",  # HTML in place of JSON
]


@dataclass(frozen=True)
class Blob:
    """A file: what it begins with, and zeros up to `size`."""

    head: bytes
    size: int
    apart: bool = False  # on the other origin, as large files are

    def read(self, start: int, stop: int) -> bytes:
        part = self.head[start:stop]
        return part + bytes(stop - start - len(part))

    @property
    def etag(self) -> str:
        if self.apart and self.size == len(self.head):
            return hashlib.sha256(self.head).hexdigest()
        if self.apart:
            return hashlib.sha256(b"%d " % self.size + self.head).hexdigest()
        return hashlib.sha1(b"blob %d\0" % self.size + self.head).hexdigest()

    @property
    def pointer(self) -> dict[str, object]:
        """What a hub tells of a file that is stored apart."""
        return {"sha256": self.etag, "size": self.size, "pointerSize": 134}


def whole(data: bytes) -> Blob:
    """A file like the hub keeps the weights."""
    return Blob(data, len(data), apart=True)


def small(text: str) -> Blob:
    """A file like the hub keeps texts."""
    return Blob(text.encode(), len(text.encode()))


@dataclass
class HubModel:
    """A model's commits, and where its branches lead."""

    commits: dict[str, dict[str, Blob]] = field(default_factory=dict[str, dict[str, Blob]])
    branches: dict[str, str] = field(default_factory=dict[str, str])
    gated: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str | None
    token: str | None
    apart: bool


@dataclass
class LoopbackHub:
    """What the hub has, what it was asked, what it sent, and what is to go wrong.

    `faults` says for the end of a path how often a request for it goes wrong, and in which way.
    """

    models: dict[str, HubModel] = field(default_factory=dict[str, HubModel])
    requests: list[Request] = field(default_factory=list[Request])
    sent: Counter[str] = field(default_factory=Counter[str])
    faults: dict[str, list[Fault]] = field(default_factory=dict[str, list[Fault]])
    count: int = 0
    address: str = ""
    store: str = ""

    def commit(self, repo: str, files: Mapping[str, Blob], branch: str = "main") -> str:
        """Add a commit that holds `files`, and lead a branch there; the commit's hash."""
        model = self.models.setdefault(repo, HubModel())
        self.count += 1
        sha = hashlib.sha1(f"{repo} {self.count}".encode()).hexdigest()
        model.commits[sha] = dict(files)
        model.branches[branch] = sha
        return sha

    def asked(self, end: str, method: str = "GET") -> list[Request]:
        """The requests of a method whose paths end so."""
        return [each for each in self.requests if each.method == method and each.path.endswith(end)]

    def fault(self, path: str) -> Fault | None:
        for end, faults in self.faults.items():
            if path.endswith(end) and faults:
                return faults.pop(0)
        return None


@contextmanager
def serving() -> Generator[LoopbackHub]:
    """A hub that listens while the context lasts."""
    hub = LoopbackHub()
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub, apart)) for apart in (False, True)
    ]
    hub.address, hub.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.daemon_threads = True
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(hub: LoopbackHub, apart: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.hub, Handler.apart = hub, apart
    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    apart: bool
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the requests are kept."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        asked = self.headers.get("Range")
        token = self.headers.get("Authorization")
        self.hub.requests.append(Request(self.command, path, asked, token, self.apart))
        if self.apart:
            return self.stored(path)
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self.describe(found[1], found[2] or "main")
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+|refs/pr/\d+)/(.+)", path):
            return self.resolve(found[1], found[2], found[3])
        return self.refuse(404, "EntryNotFound")

    def find(self, repo: str, revision: str) -> tuple[HubModel, str] | None:
        """The model and the commit, or None after refusing."""
        model = self.hub.models.get(repo)
        if model is None:
            self.refuse(401 if not self.headers.get("Authorization") else 404, "RepoNotFound")
            return None
        commit = model.branches.get(revision, revision)
        if commit not in model.commits:
            self.refuse(404, "RevisionNotFound")
            return None
        return model, commit

    def describe(self, repo: str, revision: str) -> None:
        fault = self.hub.fault(urlsplit(self.path).path)
        if fault == "busy":
            return self.refuse(503, "")
        if fault == "page":
            return self.send(200, b"<!DOCTYPE html><html>", {"Content-Type": "text/html"})
        found = self.find(repo, revision)
        if found is None:
            return None
        model, commit = found
        siblings = [
            {"rfilename": name, "size": blob.size, "blobId": blob.etag[:40]}
            | ({"lfs": blob.pointer} if blob.apart else {})
            for name, blob in sorted(model.commits[commit].items())
        ]
        body = json.dumps({"id": repo, "sha": commit, "siblings": siblings}).encode()
        return self.send(200, body, {"Content-Type": "application/json"})

    def resolve(self, repo: str, revision: str, name: str) -> None:
        found = self.find(repo, revision)
        if found is None:
            return None
        model, commit = found
        if model.gated:
            return self.refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        blob = model.commits[commit].get(name)
        if blob is None:
            return self.refuse(404, "EntryNotFound")
        about = {"X-Repo-Commit": commit, "ETag": f'"{blob.etag}"'}
        if not blob.apart:
            return self.transfer(name, blob, about)
        about |= {
            "X-Linked-ETag": f'"{blob.etag}"',
            "X-Linked-Size": str(blob.size),
            "Location": f"{self.hub.store}/{repo}/{commit}/{name}",
        }
        return self.send(302, b"", about)

    def stored(self, path: str) -> None:
        _, org, name, commit, file = path.split("/", 4)
        blob = self.hub.models[f"{org}/{name}"].commits[commit][file]
        return self.transfer(file, blob, {"ETag": f'"{blob.etag}"'})

    def transfer(self, name: str, blob: Blob, about: dict[str, str]) -> None:
        fault = self.hub.fault(name) if self.command == "GET" else None
        if fault == "busy":
            return self.refuse(503, "")
        if fault == "limited":
            return self.send(429, b"{}", {"Retry-After": "7"})
        if fault == "circle":
            return self.send(302, b"", {"Location": self.path})
        if fault == "compressed":
            about["Content-Encoding"] = "gzip"
        if fault == "other bytes":
            blob = Blob(blob.head[:-1] + bytes([blob.head[-1] ^ 1]), blob.size, blob.apart)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, stop, status = 0, blob.size, 200
        if asked and fault != "ranges ignored":
            start, status = int(asked[1]), 206
            stop = min(blob.size, int(asked[2]) + 1) if asked[2] else blob.size
            if start >= blob.size:
                return self.send(416, b"", {"Content-Range": f"bytes */{blob.size}"})
            stated = start + 1 if fault == "wrong range" else start
            about["Content-Range"] = f"bytes {stated}-{stop - 1}/{blob.size}"
        if self.command == "HEAD":
            return self.send(200, b"", about | {"Content-Length": str(blob.size)})
        cut = (start + stop) // 2 if fault == "cut" else None
        return self.stream(name, blob, start, stop, cut, status, about)

    def stream(
        self,
        name: str,
        blob: Blob,
        start: int,
        stop: int,
        cut: int | None,
        status: int,
        about: Mapping[str, str],
    ) -> None:
        self.head(status, {**about, "Content-Length": str(stop - start)})
        try:
            for at in range(start, cut or stop, 1 << 16):
                piece = blob.read(at, min(at + (1 << 16), cut or stop))
                self.hub.sent[name] += len(piece)  # before, for whoever gets it looks at once
                self.wfile.write(piece)
            self.wfile.flush()
        except OSError:
            cut = start  # whoever asked has seen enough
        if cut is not None:
            self.close_connection = True

    def refuse(self, status: int, code: str) -> None:
        return self.send(status, b"{}", {"X-Error-Code": code} if code else {})

    def send(self, status: int, body: bytes, about: Mapping[str, str]) -> None:
        self.head(status, {"Content-Length": str(len(body)), **about})
        if self.command == "GET":
            self.wfile.write(body)
            self.hub.sent["answers"] += len(body)

    def head(self, status: int, about: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name, value)
        self.end_headers()
