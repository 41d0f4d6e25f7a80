"""Runs that die at any system call, or of which any fails: resumed, the bytes are the same."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.injected import (
    EVERY_CALL,
    RESUME,
    RUN,
    STEP,
    Before,
    Case,
    calls,
    failing_at,
    finish,
    half,
    killed_at,
    left_over,
    lie,
    messages,
    run_child,
    undisturbed,
    writing_at,
)
from tests.faults.tally import counting

OUT = Path("out")
ERRORS = [errno.ENOSPC, errno.EIO, *((errno.EMFILE, errno.EACCES) if EVERY_CALL else ())]
failing = pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.__getitem__)
lasting = pytest.mark.parametrize("sticky", [False, True], ids=["once", "from then on"])


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
    with counting("every call of a run and of a resumed one") as figures:
        for at in range(1, last + 1, STEP):
            figures["points"] += 1
            status = run_child(prepare(), disturbed(at))
            assert status not in (70, 99), messages()
            assert status != 0 or OUT.exists()
            state = finish(whole)
            states[state] += 1
            for figure in ("resumed", "equal"):
                figures[figure] += state == "resumed"
    return states


def test_killed(whole: Case) -> None:
    states = loop(whole, killed_at)
    assert states["resumed"] > 100 / STEP
    assert states["published"] > 5 or STEP > 1


@lasting
@failing
def test_failing(whole: Case, error: int, sticky: bool) -> None:
    states = loop(whole, lambda at: failing_at(at, error, sticky=sticky))
    assert states["resumed"] > 20 or STEP > 1


def test_short_writes(whole: Case) -> None:
    assert loop(whole, lambda at: writing_at(at, half))["published"] > 0


@pytest.mark.parametrize("begun", [False, True], ids=["anew", "resumed"])
def test_writes_that_never_come_to_pass(whole: Case, partial: Path, begun: bool) -> None:
    """What was read back otherwise is not published; a claim that is lost costs a step."""
    prepare = from_copy(partial)
    states = loop(whole, lambda at: writing_at(at, lie), prepare if begun else lambda: RUN)
    assert states["published"] > 0
    assert states["resumed"] > 5 or STEP > 1


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


@lasting
@pytest.mark.parametrize("error", ERRORS[:2], ids=errno.errorcode.__getitem__)
def test_failing_while_it_is_resumed(whole: Case, partial: Path, error: int, sticky: bool) -> None:
    prepare = from_copy(partial)
    states = loop(whole, lambda at: failing_at(at, error, sticky=sticky), prepare)
    assert states["resumed"] > 20 / STEP
