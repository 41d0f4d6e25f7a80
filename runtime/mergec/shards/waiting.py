"""Waiting for threads in a way that hears Ctrl-C."""

from collections.abc import Collection
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any

# Seconds. Whoever waits without end is not woken by a signal that another thread took, or that came
# just before the wait began.
_TURN = 0.5


def wait_for(futures: Collection[Future[Any]]) -> None:
    """Return when all are done, or one of them has failed; KeyboardInterrupt within a turn."""
    while True:
        done, left = wait(futures, _TURN, FIRST_EXCEPTION)
        if not left or any(future.exception() for future in done):
            return
