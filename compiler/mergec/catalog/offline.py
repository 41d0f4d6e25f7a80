"""Whether nothing is asked of hubs and stores, for as long as a command runs.

What a hub's cache holds is read. `MERGEC_OFFLINE=1` says so for every command there is.

Where bytes come from is no part of what a spec means, so it does not travel with the spec.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_OFFLINE: ContextVar[bool] = ContextVar("offline", default=False)


@contextmanager
def offline_mode(*, offline: bool = True) -> Generator[None]:
    """Within it, nothing is asked of a hub or a store; with `offline=False` all stays as it was."""
    token = _OFFLINE.set(offline or _OFFLINE.get())
    try:
        yield
    finally:
        _OFFLINE.reset(token)


def is_offline() -> bool:
    """Whether this is within `offline_mode`; the hub's library has a switch of its own too."""
    return _OFFLINE.get() or os.environ.get("MERGEC_OFFLINE", "") == "1"
