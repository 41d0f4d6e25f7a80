"""Files of weights from a hub: what has come stays, and the digest that the hub states is checked.

The hub's library throws away what an interrupted transfer has brought, whether it comes by HTTP or
by Xet. Here it is kept beside the blobs of the cache, for the next run to go on from; that is why
weights come by HTTP alone. Only bytes with the right SHA-256 become a blob.
"""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import final

from mergec.catalog import hub
from mergec.catalog.hub_errors import may_pass, reported, unreachable
from mergec.catalog.quoted import quoted
from mergec.catalog.reference import HubReference
from mergec.diagnostics import MergecError, fail

PARTIAL = ".mergec.incomplete"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STEP = 1 << 20
# Bytes that are kept at a time: at most so many are lost where a transfer breaks off.
_PIECE = 64 << 10
# What must have come before the count of attempts begins anew.
_PROGRESS = 1 << 20

Progress = Callable[[int], None]


def fetch_weights(
    model: HubReference, commit: str, name: str, progress: Progress, *, offline: bool = False
) -> Path:
    """Bring one file of weights into the cache if it is not there; its path.

    `progress` gets counts of bytes, those that an earlier run has brought among them; whatever it
    raises ends the transfer, and what has come stays. E749 if the bytes are not those that the hub
    states, and what `fetch_file` raises.
    """
    whole = offline or reported(model, lambda: _brought(model, commit, name, progress), name)
    # The library lays the link to the blob, or does it all where this is none for us.
    return hub.fetch_file(
        model, commit, name, (lambda _: None) if whole else progress, offline=offline
    )


def stated_digest(path: Path) -> str | None:
    """The SHA-256 that a hub states of a file in its cache: blobs of weights are named by it."""
    name = Path(os.path.realpath(path)).name
    return name if _SHA256.fullmatch(name) else None


def partial_bytes(blobs: Path) -> int:
    """What unfinished transfers have brought into a folder of blobs."""
    return sum(path.stat().st_size for path in blobs.glob(f"*{PARTIAL}"))


def _brought(model: HubReference, commit: str, name: str, progress: Progress) -> bool:
    """Whether the blob is there now; False where it has no digest, or another process brings it."""
    from huggingface_hub import (
        constants,
        get_hf_file_metadata,  # pyright: ignore[reportUnknownVariableType]  # takes a bare dict
        hf_hub_url,
    )

    url = hf_hub_url(model.repo, name, revision=commit, endpoint=constants.ENDPOINT)
    known = get_hf_file_metadata(url, endpoint=constants.ENDPOINT, retry_on_errors=True)
    if known.size is None or known.etag is None or not _SHA256.fullmatch(known.etag):
        return False
    blob = hub.Hub(model).blobs() / known.etag
    if blob.exists():
        return True
    blob.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.with_name(known.etag + PARTIAL)
    with _own(partial) as descriptor:
        if descriptor is None:
            return False
        _Transfer(model, name, url, known.size, descriptor, progress).finish()
        digest = _digest(descriptor)
        if digest != known.etag:
            os.unlink(partial)
            raise _other_bytes(model, name, known.etag, digest)
        # The name says what is in it, also after a power failure.
        os.fsync(descriptor)
        os.replace(partial, blob)
    return True


@contextmanager
def _own(partial: Path) -> Generator[int | None]:
    """The file, open for this process alone; None while another has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a file system without locks among them
            yield None
            return
        # Whoever had it may have finished, and what is open here is then the blob.
        mine = partial.exists() and partial.stat().st_ino == os.fstat(descriptor).st_ino
        yield descriptor if mine else None
    finally:
        os.close(descriptor)


@final
class _Transfer:
    """A file of `size` bytes on its way; what an earlier transfer brought counts."""

    def __init__(
        self,
        model: HubReference,
        name: str,
        url: str,
        size: int,
        descriptor: int,
        progress: Progress,
    ) -> None:
        self.model = model
        self.name = name
        self.url = url
        self.size = size
        self.descriptor = descriptor
        self.progress = progress
        self.done = os.fstat(descriptor).st_size
        if self.done > size:
            os.ftruncate(descriptor, 0)
            self.done = 0
        progress(self.done)

    def finish(self) -> None:
        """Ask for what is lacking until nothing is; again some times where that brings nothing."""
        attempt, counted = 0, self.done
        while self.done < self.size:
            try:
                for piece in self._rest():
                    self._keep(piece)
                if self.done < self.size:
                    raise unreachable(self.model, f"{quoted(self.name)} did not arrive whole")
            except Exception as error:
                if isinstance(error, MergecError) or not may_pass(error):
                    raise
                if self.done - counted >= _PROGRESS:
                    attempt, counted = 0, self.done
                if attempt == len(hub.WAITS):
                    raise
                time.sleep(hub.pause(error, hub.WAITS[attempt]))
                attempt += 1

    def _keep(self, piece: bytes) -> None:
        at = 0
        while at < len(piece):
            at += os.pwrite(self.descriptor, piece[at:], self.done + at)
        self.done += len(piece)
        self.progress(len(piece))

    def _rest(self) -> Iterator[bytes]:
        """The bytes from `done` on, and no more than there should be."""
        from huggingface_hub import constants
        from huggingface_hub.utils._headers import (
            build_hf_headers,  # pyright: ignore[reportUnknownVariableType]  # takes a bare dict
        )
        from huggingface_hub.utils._http import get_session, hf_raise_for_status

        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if self.done:
            headers["Range"] = f"bytes={self.done}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", self.url, headers=headers, timeout=timeout) as response:
            hf_raise_for_status(response)
            hub.refuse_compressed(self.model, self.name, response.headers)
            begin = 0 if response.status_code == 200 else _begin(response.headers)
            if begin not in (0, self.done):
                raise unreachable(self.model, f"it sends other bytes of {quoted(self.name)}")
            # A server that knows no ranges begins at the front.
            passed_over = self.done - begin
            for piece in response.iter_raw(_PIECE):
                fresh = piece[passed_over:]
                passed_over -= len(piece) - len(fresh)
                if len(fresh) > self.size - self.done:
                    raise unreachable(self.model, f"it sends too much of {quoted(self.name)}")
                yield fresh


def _begin(headers: Mapping[str, str]) -> int:
    """Where a range begins by its header; -1 where that cannot be understood."""
    found = re.match(r"bytes (\d{1,18})-", headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _digest(descriptor: int) -> str:
    digest = hashlib.sha256()
    at = 0
    while piece := os.pread(descriptor, _STEP, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()


def _other_bytes(model: HubReference, name: str, stated: str, found: str) -> MergecError:
    return fail(
        "E749",
        f"{quoted(name)} of {quoted(model.repo)} did not arrive as the hub states it",
        notes=(f"its SHA-256 should be `{stated}` and is `{found}`", "what came was removed"),
        help="run again; if it comes out so twice, tell who keeps the hub or the proxy before it",
    )
