"""The power fails after any call of a run: what is left is nothing, the old or the new result.

`make faults` looks at what every such moment may leave; else at every so many.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mergec.shards import partials
from tests.faults.injected import (
    EVERY_CALL,
    RESUME,
    RUN,
    SPEC,
    STEP,
    Case,
    left_over,
    messages,
    run_child,
    undisturbed,
)
from tests.faults.power import (
    Moment,
    Place,
    Recorded,
    clear,
    lay_out,
    output,
    recorded,
    violations,
)
from tests.faults.tally import tally

REPLACE = (*RUN, "--replace")
CLEAN = ("clean", "out", "--yes")
SEEDS = 6 if EVERY_CALL else 2
# After every so many calls what is left is looked at, and of so many of these runs go on.
LOOKED = STEP if EVERY_CALL else 3
GOES_ON = 3 if EVERY_CALL else 150


@pytest.fixture(autouse=True)
def _clean(whole: Case) -> Iterator[None]:
    yield
    clear()


def outlived(run: Recorded, whole: Case, older: Case | None, arguments: tuple[str, ...]) -> None:
    """Nothing is wrong with what any moment left, and a run goes on from it to the same bytes."""
    assert run.status == 0
    wrong = Counter(each for moment in run.moments for each in violations(moment, whole, older))
    resumed = 0
    for moment in run.moments[::GOES_ON]:
        resumed += goes_on(moment, whole, arguments)
    tally(
        "power failures",
        points=len(run.moments),
        violations=wrong.total(),
        lost=sum(count for each, count in wrong.items() if "lost" in each),
        resumed=resumed,
        equal=resumed,
    )
    assert not wrong
    lay_out(run.moments[-1].tree)
    assert run_child(("verify", "out", "--replay", "full"), undisturbed) == 0, messages()


def goes_on(moment: Moment, whole: Case, arguments: tuple[str, ...]) -> bool:
    """Whether there was something to go on with; the end is the same."""
    lay_out(moment.tree)
    if output() == whole:
        return False
    resumes = any(each.read().lines for each in partials(Path("out")))
    words = tuple(word for word in arguments if word not in ("--resume", "-q"))
    more = ("--resume",) if resumes else ()
    assert run_child((*words, *more), undisturbed) == 0, (moment.call, messages())
    assert "W851" not in messages()
    assert output() == whole
    return resumes


def test_while_it_runs(whole: Case) -> None:
    run = recorded(RUN, seeds=SEEDS, every=LOOKED)
    assert len(run.moments) > 50
    outlived(run, whole, None, RUN)


def test_while_it_is_resumed(whole: Case, partial: Path) -> None:
    assert partial.exists()
    outlived(recorded(RESUME, seeds=SEEDS, every=LOOKED), whole, None, RUN)


@pytest.fixture
def older(whole: Case) -> Case:
    """The result of another spec, at the output."""
    assert whole
    Path("spec.merge").write_text(SPEC.replace("0.3", "0.5"))
    assert run_child(RUN, undisturbed) == 0, messages()
    Path("spec.merge").write_text(SPEC)
    found = output()
    assert found
    return found


@pytest.mark.parametrize("lacking", [(), ("_rename_exchange",)], ids=["swapped", "moved"])
def test_while_it_replaces(whole: Case, older: Case, lacking: tuple[str, ...]) -> None:
    run = recorded(REPLACE, seeds=SEEDS, every=LOOKED, lacking=lacking)
    outlived(run, whole, older, REPLACE)


def test_while_what_is_left_is_removed(whole: Case, partial: Path) -> None:
    assert partial.exists()
    run = recorded(CLEAN, seeds=SEEDS)
    assert run.status == 0
    for moment in run.moments[:: GOES_ON // 10 or 1]:
        lay_out(moment.tree)
        resumes = any(each.read().lines for each in partials(Path("out")))
        assert run_child(RESUME if resumes else RUN, undisturbed) == 0, messages()
        assert output() == whole
        lay_out(moment.tree)
        assert run_child(CLEAN, undisturbed) == 0, messages()
        assert left_over() == []


# Every kind of sync that a run makes.
NEEDED: list[Place] = [
    ("fdatasync", "a shard"),
    ("fdatasync", "the journal"),
    ("fsync", "a shard"),
    ("fsync", "a small file"),
    ("fsync", "the folder of an export"),
    ("fsync", "the result"),
    ("fsync", "the partial folder"),
    ("fsync", "the folder of the output"),
]


@pytest.mark.parametrize("place", NEEDED, ids=" of ".join)
def test_a_sync_that_is_left_out_is_noticed(whole: Case, place: Place) -> None:
    """Else these tests would prove nothing."""
    run = recorded(RUN, seeds=SEEDS, every=LOOKED, without=place)
    assert place in run.syncs
    shutil.rmtree("out")
    assert any(each for moment in run.moments for each in violations(moment, whole, None))


def test_these_are_all_syncs_that_a_run_makes(whole: Case) -> None:
    assert {*recorded(RUN, seeds=0, every=10**9).syncs} == {*NEEDED}
    assert output() == whole
