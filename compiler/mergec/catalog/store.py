"""Objects of a store, by way of `obstore`: what there is, and ranges of bytes of one state of each.

Every request for bytes says which ETag the object must have, and every answer is held against what
was listed first, so that what is read belongs together or is an error. `obstore` is imported when
the first store is opened and not before.
"""

import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, final

from mergec.catalog.bucket_region import bucket_region
from mergec.catalog.checkpoint import ObjectState
from mergec.catalog.offline import is_offline
from mergec.catalog.quoted import quoted
from mergec.catalog.store_credentials import profile_options
from mergec.catalog.store_errors import (
    CLOUDS,
    absent,
    changed,
    finding,
    is_elsewhere,
    kind_of,
    library_missing,
    no_ranges,
    offline,
    unreachable,
)
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import MergecError, fail

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

R = TypeVar("R")

# Seconds before the second, third and fourth attempt; there is no fifth.
WAITS = (0.5, 2.0, 5.0)
MOST_OBJECTS = 100_000  # that are looked at for the names in one folder
# Bytes that come out of the library at a time; of a smaller rest that breaks off nothing is kept.
_CHUNK = 64 << 10
_WEAK = "W/"


@final
class Store:
    """One folder in a store. Raises E740 and E742 to E748; any number of threads may read."""

    def __init__(self, where: StoreReference) -> None:
        if is_offline():
            raise offline(where)
        if find_spec("obstore") is None:
            raise library_missing(where)
        self.where = where
        self._asking = Lock()
        self._region: str | None = None
        # The same for every region: who asks is found out once.
        self._asker = profile_options(where) if where.scheme == "s3" else {}
        self._store = self._connected()

    def names(self) -> dict[str, ObjectState]:
        """The objects of the folder, those of folders within it left out; E743 if it has none."""
        found = self._patient(self._listed)
        if not found:
            raise absent(self.where, "holds no objects")
        return found

    def state(self, name: str) -> ObjectState | None:
        """What an object is now; None if there is none."""
        import obstore

        try:
            return _state(self._patient(lambda: obstore.head(self._store, name), once=True))
        except FileNotFoundError:
            return None

    def read_into(self, name: str, state: ObjectState, start: int, buffer: memoryview) -> None:
        """Fill `buffer` with an object's bytes from `start` on.

        What breaks off is asked for again from where it ended, some times. E745 if the object is
        not in the state that is given.
        """
        if start + len(buffer) > state.size:
            raise changed(self.where, name, f"it ends at byte {state.size:,}")
        done = 0

        def take() -> None:
            nonlocal done
            while done < len(buffer):
                for piece in self._range(name, state, start + done, start + len(buffer)):
                    if len(piece) > len(buffer) - done:
                        raise no_ranges(self.where, name, "sends more than was asked for")
                    buffer[done : done + len(piece)] = piece
                    done += len(piece)
                if done < len(buffer):
                    raise _ShortError

        if len(buffer):
            self._patient(take, name)

    def read(self, name: str, state: ObjectState, start: int, count: int) -> bytes:
        """Exactly `count` bytes from `start` on."""
        data = bytearray(count)
        self.read_into(name, state, start, memoryview(data))
        return bytes(data)

    def _connected(self, **options: str) -> "ObjectStore":
        try:
            return _connect(self.where, self._asker | options)
        except Exception as error:  # the library's own, of every kind: settings that contradict
            raise finding(self.where, error) from error

    def _moved(self, error: Exception) -> bool:
        """Whether the bucket is in another region than was thought; from now on that is asked."""
        if self.where.scheme != "s3" or not is_elsewhere(str(error)):
            return False
        with self._asking:
            if self._region is None:
                self._region = bucket_region(self.where.place) or ""
                if self._region:
                    self._store = self._connected(region=self._region)
        return bool(self._region)

    def _listed(self) -> dict[str, ObjectState]:
        import obstore

        found: dict[str, ObjectState] = {}
        seen = 0
        library: Any = obstore  # one form of its `list` has types that are not installed
        for chunk in library.list(self._store, chunk_size=1000):
            seen += len(chunk)
            if seen > MOST_OBJECTS:
                raise fail(
                    "E747",
                    f"{quoted(self.where)} holds more than {MOST_OBJECTS:,} objects",
                    help="name the folder of one checkpoint",
                )
            found |= {meta["path"]: _state(meta) for meta in chunk if "/" not in meta["path"]}
        return found

    def _range(self, name: str, state: ObjectState, start: int, stop: int) -> Any:
        """The pieces of a range, of an object that is in `state`."""
        import obstore

        options: dict[str, Any] = {"range": (start, stop)}
        if state.etag is not None:
            options["if_match"] = state.etag
        answer = obstore.get(self._store, name, options=options)  # type: ignore[arg-type]  # built here
        if answer.attributes.get("Content-Encoding", "identity") not in ("", "identity"):
            raise no_ranges(self.where, name, "compresses what it sends")
        now = _state(answer.meta)
        if not is_same(state, now):
            raise changed(self.where, name, "it was written again")
        return answer.stream(min_chunk_size=_CHUNK)

    def _patient(self, call: Callable[[], R], name: str = "", *, once: bool = False) -> R:
        """The result of `call`, which is repeated where that may help.

        With `once`, that there is no such object is for the caller to say.
        """
        from obstore.exceptions import BaseError

        moved = False
        waits = iter((*WAITS, None))
        while True:
            try:
                return call()
            except (BaseError, OSError, _ShortError) as error:
                if once and kind_of(error) == "absent":
                    raise FileNotFoundError from error
                if not moved and self._moved(error):
                    moved = True
                    continue
                wait = next(waits)
                if wait is None or kind_of(error) != "passing":
                    raise _told(self.where, error, name) from error
                time.sleep(wait)


class _ShortError(Exception):
    """An answer ended early, kind: Body."""


def _told(where: StoreReference, error: Exception, name: str) -> MergecError:
    if isinstance(error, _ShortError):
        return unreachable(where, f"the connection broke off for {quoted(name)}")
    return finding(where, error, name)


def _state(meta: "ObjectMeta") -> ObjectState:
    """With the ETag in the quotes that HTTP wants; a weak one promises too little to count."""
    tag = meta.get("e_tag") or ""
    strong = None if not tag or tag.startswith(_WEAK) else f'"{tag.strip(chr(34))}"'
    # Lists of objects are more exact than the header of an answer can be.
    modified = meta["last_modified"].replace(microsecond=0)
    return ObjectState(meta["size"], strong, modified.isoformat())


def is_same(before: ObjectState, now: ObjectState) -> bool:
    """Whether two states are one, by the best that both of them tell."""
    if before.size != now.size:
        return False
    if before.etag is not None and now.etag is not None:
        return before.etag == now.etag
    return before.modified == now.modified


def _connect(where: StoreReference, asker: Mapping[str, Any]) -> "ObjectStore":
    """The folder; who asks, and at which endpoint, the variables of each cloud say."""
    from obstore.store import AzureStore, GCSStore, HTTPStore, S3Store

    # The library takes these together from here or from the environment.
    plain = where.scheme == "http" or _allows_http(where.scheme)
    client: Mapping[str, Any] = {
        "allow_http": plain,
        "connect_timeout": "10s",
        "read_timeout": "30s",
        "timeout": "900s",
        "user_agent": "mergec",
    }
    options: dict[str, Any] = {"client_options": client, "retry_config": {"max_retries": 0}}
    match where.scheme:
        case "s3":
            return S3Store(where.place, prefix=where.folder or None, **options, **asker)
        case "gs":
            return GCSStore(where.place, prefix=where.folder or None, **options)
        case "az":
            return AzureStore(where.place, prefix=where.folder or None, **options)
        case _:
            return HTTPStore.from_url(where.location, **options)


def _allows_http(scheme: str) -> bool:
    return os.environ.get(f"{CLOUDS.get(scheme)}_ALLOW_HTTP", "").lower() in ("1", "true")
