"""Runs that die at any system call, or of which any fails: resumed, the bytes are the same."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mergec.shards import partials
from tests.faults.injected import (
    RESUME,
    RUN,
    Before,
    Case,
    calls,
    failing_at,
    files_of,
    killed_at,
    left_over,
    messages,
    run_child,
    undisturbed,
)

OUT = Path("out")
# Of a run of some hundred calls, the smoke form disturbs every so many.
SMOKE = 97


def finish(whole: Case) -> str:
    """Bring what a run left to its end, and say how that went."""
    if OUT.exists():
        state = "published"
    elif any(each.read().lines for each in partials(OUT)):
        assert run_child(RESUME, undisturbed) == 0, messages()
        state = "resumed"
    else:
        assert run_child(RUN, undisturbed) == 0, messages()
        state = "anew"
    assert files_of(OUT) == whole
    shutil.rmtree(OUT)
    for each in partials(OUT):
        assert each.holder is None
        shutil.rmtree(each.path)
    return state


def loop(
    whole: Case,
    step: int,
    disturbed: Callable[[int], Before],
    prepare: Callable[[], tuple[str, ...]] = lambda: RUN,
) -> dict[str, int]:
    """How many runs, each disturbed at another call, came to what."""
    assert run_child(prepare(), undisturbed) == 0, messages()
    last = calls()
    finish(whole)
    states: dict[str, int] = {"anew": 0, "resumed": 0, "published": 0}
    for at in range(1, last + 1, step):
        status = run_child(prepare(), disturbed(at))
        assert status not in (70, 99), messages()
        assert status == 0 or not OUT.exists() or files_of(OUT) == whole
        states[finish(whole)] += 1
    return states


def test_some_kills(whole: Case) -> None:
    assert loop(whole, SMOKE, killed_at)["resumed"] > 1


@pytest.mark.slow
def test_every_kill(whole: Case) -> None:
    states = loop(whole, 1, killed_at)
    assert states["resumed"] > 100
    assert states["published"] > 5


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "from then on"])
def test_some_failures(whole: Case, sticky: bool) -> None:
    loop(whole, SMOKE, lambda at: failing_at(at, errno.ENOSPC, sticky=sticky))


@pytest.mark.slow
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.__getitem__)
def test_every_failure(whole: Case, error: int, sticky: bool) -> None:
    states = loop(whole, 1, lambda at: failing_at(at, error, sticky=sticky))
    assert states["resumed"] > 20


def from_copy(partial: Path) -> Callable[[], tuple[str, ...]]:
    """Before each run, what was left is put there anew."""
    kept = Path("copy")
    partial.rename(kept)

    def prepare() -> tuple[str, ...]:
        for left in left_over():
            shutil.rmtree(left)
        shutil.copytree(kept, partial)
        return RESUME

    return prepare


def test_some_kills_of_a_resumed_run(whole: Case, partial: Path) -> None:
    assert loop(whole, SMOKE, killed_at, from_copy(partial))["resumed"] > 1


@pytest.mark.slow
def test_every_disturbance_of_a_resumed_run(whole: Case, partial: Path) -> None:
    prepare = from_copy(partial)
    assert loop(whole, 1, killed_at, prepare)["resumed"] > 100
    states = loop(whole, 1, lambda at: failing_at(at, errno.EIO, sticky=False), prepare)
    assert states["resumed"] > 20
