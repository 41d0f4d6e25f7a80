"""A signal ends a wait for threads, whichever of them takes it."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, get_ident

import pytest

from mergec.shards.waiting import wait_for


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """As in a shell's foreground, wherever the tests run: a background job ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_that_a_worker_takes_is_heard() -> None:
    waited_for, stop = Event(), Event()

    def interrupt() -> None:
        waited_for.wait(60)
        signal.pthread_kill(get_ident(), signal.SIGINT)
        stop.wait(60)

    def waiting() -> None:
        waited_for.set()
        wait_for([future])

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            waiting()
        assert not future.done()
        stop.set()


def test_one_failure_ends_the_wait_and_what_succeeds_does_not() -> None:
    stop = Event()
    with ThreadPoolExecutor(3) as pool:
        done, failed = pool.submit(int), pool.submit(int, "no number")
        waiting = pool.submit(stop.wait, 60)
        wait_for([done, failed, waiting])
        assert not waiting.done()
        stop.set()
        wait_for([done, waiting])
        assert waiting.result()
