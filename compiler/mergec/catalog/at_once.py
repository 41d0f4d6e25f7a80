"""Several calls at a time, for what waits for a network."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def at_once(call: Callable[[T], R], items: Iterable[T], workers: int = 8) -> list[R]:
    """What `call` returns for each item; `workers` calls are under way at any time.

    After an error, or when interrupted, no further call begins.
    """
    pool = ThreadPoolExecutor(workers)
    try:
        return [done.result() for done in [pool.submit(call, item) for item in items]]
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        # Not as a context: what is interrupted does not wait for answers.
        pool.shutdown(wait=False, cancel_futures=True)
