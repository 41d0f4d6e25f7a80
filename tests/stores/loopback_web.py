"""A web server on loopback that knows ranges and ETags, speaks as the clouds' stores do, and fails.

It answers at `/FOLDER/NAME`, and lists a folder to who asks as Google's and Azure's libraries do.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.hub.loopback_hub import Blob

Fault = Literal[
    "cut",  # half of what was announced
    "busy",
    "limited",  # too many requests, with a time to come back
    "denied",
    "gone",
    "ranges ignored",
    "wrong range",
    "compressed",
    "circle",  # leads back to itself
    "none",
]
Tags = Literal["strong", "weak", "none"]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str | None
    if_match: str | None


@dataclass
class LoopbackWeb:
    """What it has, by path; what it was asked and has sent; and what is to go wrong.

    `faults` says for the end of a path how the next requests for bytes of it go wrong.
    """

    files: dict[str, Blob] = field(default_factory=dict[str, Blob])
    asked: list[Asked] = field(default_factory=list[Asked])
    sent: Counter[str] = field(default_factory=Counter[str])
    faults: dict[str, list[Fault]] = field(default_factory=dict[str, list[Fault]])
    tags: Tags = "strong"
    page: bytes | None = None  # what is sent, with status 200, for whatever it does not have
    written: float = 1_700_000_000.0
    address: str = ""
    region: str | None = None  # of its buckets; who signs for another is led there
    states_region: bool = True
    signatures: set[str] = field(default_factory=set[str])
    lock: Lock = field(default_factory=Lock)

    def put(self, folder: str, files: dict[str, Blob]) -> None:
        self.files |= {f"/{folder}/{name}": blob for name, blob in files.items()}

    def ranges(self, end: str) -> list[str]:
        """The ranges that were asked for of paths that end so."""
        return [it.range for it in self.asked if it.path.endswith(end) and it.range is not None]

    def fault(self, path: str) -> Fault:
        with self.lock:
            for end, faults in self.faults.items():
                if path.endswith(end) and faults:
                    return faults.pop(0)
        return "none"

    def tag(self, blob: Blob) -> str | None:
        plain = f'"{_digest(blob)}"'
        return {"strong": plain, "weak": f"W/{plain}", "none": None}[self.tags]


@lru_cache
def _digest(blob: Blob) -> str:
    return hashlib.sha256(b"%d " % blob.size + blob.head).hexdigest()[:32]


@contextmanager
def serving_web() -> Generator[LoopbackWeb]:
    """A server that listens while the context lasts."""
    web = LoopbackWeb()

    class Handler(_Handler):
        pass

    Handler.web = web
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    web: LoopbackWeb
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are sent apart

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the requests are kept."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query)
        asked, tag = self.headers.get("Range"), self.headers.get("If-Match")
        self.web.asked.append(Asked(self.command, path, asked, tag))
        signature = self.headers.get("Authorization", "")
        if self.web.region is not None and f"/{self.web.region}/" not in signature:
            stated = {"x-amz-bucket-region": quote(self.web.region)}
            return self.refuse(301, stated if self.web.states_region else {})
        self.web.signatures.add(signature)
        if "list-type" in query or query.get("comp") == ["list"]:
            return self.listing(path, query.get("prefix", [""])[0], "comp" in query)
        fault = self.web.fault(path) if self.command == "GET" else "none"
        refusals = {"busy": 503, "limited": 429, "denied": 403, "gone": 404}
        if fault in refusals:
            return self.refuse(refusals[fault], {"Retry-After": "0"} if fault == "limited" else {})
        if fault == "circle":
            return self.refuse(302, {"Location": self.path})
        blob = self.web.files.get(path)
        if blob is None and self.web.page is not None:
            blob = Blob(self.web.page, len(self.web.page))
        if blob is None:
            return self.refuse(404)
        if tag is not None and tag != self.web.tag(blob):
            return self.refuse(412)
        return self.transfer(path, blob, fault)

    def transfer(self, path: str, blob: Blob, fault: Fault) -> None:
        about = {"Last-Modified": formatdate(self.web.written, usegmt=True)}
        if (tag := self.web.tag(blob)) is not None:
            about["ETag"] = tag
        if fault == "compressed":
            about["Content-Encoding"] = "gzip"
        start, stop, status = 0, blob.size, 200
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found and fault != "ranges ignored":
            start, stop, status = int(found[1]), min(blob.size, int(found[2]) + 1), 206
            off = 1 if fault == "wrong range" else 0
            about["Content-Range"] = f"bytes {start + off}-{stop - 1 + off}/{blob.size}"
        about["Content-Length"] = str(stop - start)
        self.head(status, about)
        if self.command == "HEAD":
            return
        until = (start + stop) // 2 if fault == "cut" else stop
        try:
            for at in range(start, until, 1 << 18):
                piece = blob.read(at, min(at + (1 << 18), until))
                with self.web.lock:  # before, for whoever gets it looks at once
                    self.web.sent[path] += len(piece)
                self.wfile.write(piece)
            self.wfile.flush()
        except OSError:
            until = start  # whoever asked has seen enough
        self.close_connection = until < stop

    def listing(self, path: str, prefix: str, azure: bool) -> None:
        root = path.rstrip("/")
        names = {
            full.removeprefix(f"{root}/"): blob
            for full, blob in sorted(self.web.files.items())
            if full.startswith(f"{root}/{prefix}")
        }
        if not any(full.startswith(f"{root}/") for full in self.web.files):
            return self.refuse(404)
        make = _azure_entry if azure else _google_entry
        when = formatdate(self.web.written, usegmt=True)
        rows = "".join(make(name, blob, self.web.tag(blob), when) for name, blob in names.items())
        body = _AZURE.format(rows) if azure else _GOOGLE.format(rows)
        self.head(200, {"Content-Length": str(len(body)), "Content-Type": "application/xml"})
        self.wfile.write(body.encode())

    def refuse(self, status: int, about: dict[str, str] | None = None) -> None:
        self.head(status, {"Content-Length": "0", **(about or {})})

    def head(self, status: int, about: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name, value)
        self.end_headers()


_GOOGLE = "<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"
_AZURE = "<EnumerationResults><Blobs>{}</Blobs><NextMarker/></EnumerationResults>"


def _google_entry(name: str, blob: Blob, tag: str | None, when: str) -> str:
    return (
        f"<Contents><Key>{escape(name)}</Key><Size>{blob.size}</Size><ETag>{tag}</ETag>"
        "<LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents>"
    )


def _azure_entry(name: str, blob: Blob, tag: str | None, when: str) -> str:
    # Azure's list states ETags without their quotes.
    plain = (tag or "").strip('"')
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{when}</Last-Modified>"
        f"<Content-Length>{blob.size}</Content-Length><Content-Type>x</Content-Type>"
        f"<Etag>{plain}</Etag></Properties></Blob>"
    )
