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
    STEP,
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
    disturbed: Callable[[int], Before],
    prepare: Callable[[], tuple[str, ...]] = lambda: RUN,
) -> dict[str, int]:
    """How many runs, each disturbed at another call, came to what."""
    assert run_child(prepare(), undisturbed) == 0, messages()
    last = calls()
    finish(whole)
    states: dict[str, int] = {"anew": 0, "resumed": 0, "published": 0}
    for at in range(1, last + 1, STEP):
        status = run_child(prepare(), disturbed(at))
        assert status not in (70, 99), messages()
        assert status == 0 or not OUT.exists() or files_of(OUT) == whole
        states[finish(whole)] += 1
    return states


def test_killed(whole: Case) -> None:
    states = loop(whole, killed_at)
    assert states["resumed"] > 100 / STEP
    assert states["published"] > 5 or STEP > 1


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.__getitem__)
def test_failing(whole: Case, error: int, sticky: bool) -> None:
    states = loop(whole, lambda at: failing_at(at, error, sticky=sticky))
    assert states["resumed"] > 20 or STEP > 1


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


def test_killed_while_it_is_resumed(whole: Case, partial: Path) -> None:
    assert loop(whole, killed_at, from_copy(partial))["resumed"] > 100 / STEP


def test_failing_while_it_is_resumed(whole: Case, partial: Path) -> None:
    prepare = from_copy(partial)
    states = loop(whole, lambda at: failing_at(at, errno.EIO, sticky=False), prepare)
    assert states["resumed"] > 20 / STEP
