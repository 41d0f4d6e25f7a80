"""The `lineage.json` of a model on a hub or in a store, fetched alone and within its limit."""

from pathlib import Path

from mergec.catalog.lineage_file import (
    FILE_NAME,
    MAX_BYTES,
    Lineage,
    LineageProblem,
    parse_lineage,
    read_lineage,
)
from mergec.catalog.reference import HubReference, locate
from mergec.catalog.store_reference import StoreReference

_PIECE = 8 << 20


def fetch_lineage(ref: str, revision: str | None) -> Lineage:
    """The lineage of a reference that is no path.

    Nothing else of the model is asked for, and nothing is kept. LineageProblem where there is none,
    or none that mergec wrote; E716 and E741 for what is no reference, and what `Hub` and `Store`
    raise.
    """
    where = locate(ref, revision, Path())
    if isinstance(where, HubReference):
        return _on_hub(where)
    assert isinstance(where, StoreReference)
    return _in_store(where)


def _on_hub(model: HubReference) -> Lineage:
    from mergec.catalog.hub import Hub, quiet_library

    hub = Hub(model)
    with quiet_library():
        listing = (hub.cached if hub.offline else hub.listing)(model.revision)
        if FILE_NAME not in listing.sizes:
            raise _absent()
        if hub.offline:
            return read_lineage(hub.snapshot(listing.commit) / FILE_NAME)
        _check_size(listing.sizes[FILE_NAME] or 0)
        raw, size = hub.read(listing.commit, FILE_NAME, 0, MAX_BYTES)
    _check_size(size)
    return parse_lineage(raw)


def _in_store(where: StoreReference) -> Lineage:
    from mergec.catalog.store import Store
    from mergec.catalog.store_errors import unreachable
    from mergec.catalog.wrong_format import is_web_page

    store = Store(where)
    state = None if where.file is not None else store.state(FILE_NAME)
    if state is None:
        raise _absent()
    _check_size(state.size)
    starts = range(0, state.size, _PIECE)
    pieces = (store.read(FILE_NAME, state, at, min(_PIECE, state.size - at)) for at in starts)
    raw = b"".join(pieces)
    if is_web_page(raw):
        raise unreachable(where, f"the server sends a web page in place of `{FILE_NAME}`")
    return parse_lineage(raw)


def _absent() -> LineageProblem:
    return LineageProblem("does not exist", absent=True)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise LineageProblem(f"is {size:,} bytes long, more than {MAX_BYTES:,}")
