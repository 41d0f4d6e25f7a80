"""A model on a hub, by way of the hub's own library: its files' names, ranges of bytes, the cache.

Everything is asked for by the commit that the revision led to first, so that what is read belongs
together even if the revision moves meanwhile. `huggingface_hub` is imported when the first model on
a hub is opened and not before.
"""

import logging
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field
from importlib.util import find_spec
from json import JSONDecodeError
from pathlib import Path
from typing import Any, TypeVar, final

from mergec.catalog.at_once import at_once
from mergec.catalog.hub_errors import library_missing, may_pass, not_cached, reported, unreachable
from mergec.catalog.offline import is_offline
from mergec.catalog.reference import HubReference, is_commit
from mergec.diagnostics import MergecError
from mergec.frozen import frozen

R = TypeVar("R")

# Seconds before the second and the third attempt; there is no fourth.
WAITS = (0.5, 2.0)
_MOST_PAUSE = 60.0  # however long a server asks to be left alone
_IDENTITY = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NONSENSE = (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError)


@frozen
class Listing:
    """The commit of a revision, and the size in bytes of each file at its top; None if unstated.

    `identities` are what stands for the bytes of a file, where the hub tells: SHA-256 of those that
    it keeps apart.
    """

    commit: str
    sizes: Mapping[str, int | None]
    identities: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of files, as far as the hub states them."""
        return {name: it for name, it in self.identities.items() if len(it) == 64}


@final
class Hub:
    """The hub that `HF_ENDPOINT` names, asked about one model. Raises E716, E722 to E727."""

    def __init__(self, model: HubReference) -> None:
        # Releases before 2.0 speak through another library, and have other exceptions.
        if find_spec("huggingface_hub") is None or find_spec("httpx2") is None:
            raise library_missing(model)
        from huggingface_hub import constants

        self.model = model
        self.offline = is_offline() or constants.is_offline_mode()

    def listing(self, revision: str | None, attempts: int = 1 + len(WAITS)) -> Listing:
        """What a revision holds now."""
        from huggingface_hub import HfApi, constants

        api = HfApi(endpoint=constants.ENDPOINT)

        def ask() -> Listing:
            try:
                info = api.model_info(
                    self.model.repo,
                    revision=revision,
                    files_metadata=True,
                    timeout=constants.HF_HUB_ETAG_TIMEOUT,
                )
            except _NONSENSE as error:
                raise unreachable(self.model, "its answer cannot be understood") from error
            if not is_commit(info.sha):
                raise unreachable(self.model, "it states no commit for the revision")
            sizes = {file.rfilename: file.size for file in info.siblings or ()}
            stated = {
                file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id
                for file in info.siblings or ()
            }
            identities = {name: it for name, it in stated.items() if it and _IDENTITY.fullmatch(it)}
            return Listing(str(info.sha), {name: sizes[name] for name in sorted(sizes)}, identities)

        return self._patient(ask, attempts=attempts)

    def cached(self, revision: str | None) -> Listing:
        """What the cache holds of a revision; E727 if it has nothing."""
        from huggingface_hub import constants

        wanted = revision or constants.DEFAULT_REVISION
        commit = wanted if is_commit(wanted) else self._remembered(wanted)
        folder = self.snapshot(commit) if commit else None
        if commit is None or folder is None or not folder.is_dir():
            raise not_cached(self.model)
        files = reported(self.model, lambda: [path for path in folder.iterdir() if path.is_file()])
        return Listing(commit, {path.name: path.stat().st_size for path in sorted(files)})

    def snapshot(self, commit: str) -> Path:
        """The folder of the cache in which the files of a commit lie as soon as they are there."""
        return self._cache() / "snapshots" / commit

    def blobs(self) -> Path:
        """The folder of the cache that holds the bytes of all commits, each named by its ETag."""
        return self._cache() / "blobs"

    def fetch(self, commit: str, names: Sequence[str]) -> None:
        """Bring whole small files into the cache."""
        at_once(lambda name: fetch_file(self.model, commit, name), names)

    def read(self, commit: str, name: str, start: int, count: int) -> tuple[bytes, int]:
        """At most `count` bytes of a file from `start` on, and how many bytes it has in all."""
        return self._patient(lambda: self._range(commit, name, start, count), what=name)

    def _range(self, commit: str, name: str, start: int, count: int) -> tuple[bytes, int]:
        import httpx2
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.utils._headers import (
            build_hf_headers,  # pyright: ignore[reportUnknownVariableType]  # takes a bare dict
        )
        from huggingface_hub.utils._http import get_session, hf_raise_for_status

        url = hf_hub_url(self.model.repo, name, revision=commit, endpoint=constants.ENDPOINT)
        headers = build_hf_headers() | {
            "Range": f"bytes={start}-{start + count - 1}",
            "Accept-Encoding": "identity",
        }
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
            size = _size(response.headers)
            if response.status_code == 416 and size is not None and start >= size:
                return b"", size
            hf_raise_for_status(response)
            refuse_compressed(self.model, name, response.headers)
            if size is None:
                raise unreachable(self.model, f"it does not say how long `{name}` is")
            # A server that knows no ranges begins at the front; no more is taken than is needed.
            skipped = start if response.status_code == 200 else 0
            wanted = max(0, min(count, size - start))
            data = bytearray()
            for piece in response.iter_raw():
                data += piece
                if len(data) >= skipped + wanted:
                    break
            if len(data) < skipped + wanted:
                raise httpx2.RemoteProtocolError("fewer bytes came than were announced")
            return bytes(data[skipped : skipped + wanted]), size

    def _patient(self, call: Callable[[], R], what: str = "", attempts: int = 1 + len(WAITS)) -> R:
        """The result of `call`, which is repeated where that may help."""

        def repeated() -> R:
            for wait in WAITS[: attempts - 1]:
                try:
                    return call()
                except MergecError:
                    raise
                except Exception as error:
                    if not may_pass(error):
                        raise
                    time.sleep(pause(error, wait))
            return call()

        return reported(self.model, repeated, what)

    def _cache(self) -> Path:
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        folder = repo_folder_name(repo_id=self.model.repo, repo_type="model")
        # Resolved as the library does it: links in a snapshot lead from there.
        return Path(constants.HF_HUB_CACHE).expanduser().resolve() / folder

    def remember(self, revision: str | None, commit: str) -> None:
        """Note in the cache what a revision leads to, as the library does it, for use offline."""
        from huggingface_hub import constants

        place = self._cache() / "refs" / (revision or constants.DEFAULT_REVISION)
        with suppress(OSError):  # a cache may be there to be read only
            if not place.exists() or place.read_text() != commit:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(commit)

    def _remembered(self, revision: str) -> str | None:
        try:
            commit = (self._cache() / "refs" / revision).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        return commit if is_commit(commit) else None


def fetch_file(
    model: HubReference,
    commit: str,
    name: str,
    progress: Callable[[int], None] = lambda _: None,
    *,
    offline: bool = False,
) -> Path:
    """Bring one whole file into the cache if it is not there; its path.

    A transfer that breaks off is taken up again where it ended, some times. `progress` gets counts
    of bytes. Raises E602, E715, E716 and E722 to E727.
    """
    from huggingface_hub import (
        constants,
        hf_hub_download,  # pyright: ignore[reportUnknownVariableType]  # takes a bare dict
    )
    from huggingface_hub.utils.tqdm import tqdm

    class Counting(tqdm):
        """Shows nothing and counts."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **(kwargs | {"disable": True}))  # type: ignore[no-untyped-call]  # it has no types

        def update(self, n: float | None = 1) -> None:
            """Pass the count on."""
            progress(int(n or 0))

        def update_transfer(self, n: float) -> None:
            """Nothing: what comes in compressed is counted when it is unpacked."""

    def download() -> Path:
        found = hf_hub_download(
            model.repo,
            name,
            revision=commit,
            endpoint=constants.ENDPOINT,
            tqdm_class=Counting,
            local_files_only=offline,
        )
        return Path(found)

    return reported(model, download, name)


def refuse_compressed(model: HubReference, name: str, headers: Mapping[str, str]) -> None:
    """E726 for an answer in other bytes than those of the file, which nobody asked for."""
    if headers.get("Content-Encoding", "identity") != "identity":
        raise unreachable(model, f"it compresses `{name}`, whose own bytes were asked for")


def pause(error: Exception, usual: float) -> float:
    """Seconds before the next attempt: as many as the server asks for, if it asks for few."""
    response = getattr(error, "response", None)
    asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return min(float(asked), _MOST_PAUSE) if re.fullmatch(r"\d{1,9}", asked) else usual


def _size(headers: Mapping[str, str]) -> int | None:
    """The size of the whole file, as the answer to a request for a range states it."""
    _, _, total = headers.get("Content-Range", "").rpartition("/")
    stated = total or headers.get("Content-Length", "")
    return int(stated) if stated.isdecimal() else None


@contextmanager
def quiet_library() -> Generator[None]:
    """Without the library's own words about each attempt: what matters is told as a finding."""
    log = logging.getLogger("huggingface_hub")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
