"""Taking the place of an older result, and removing what dead runs left, at any moment of death."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.injected import (
    EVERY_CALL,
    RUN,
    SPEC,
    STEP,
    Before,
    Case,
    both,
    calls,
    failing_at,
    files_of,
    killed_at,
    lacking,
    left_over,
    lie,
    messages,
    printed_codes,
    run_child,
    undisturbed,
    writing_at,
)
from tests.faults.tally import counting

OUT = Path("out")
REPLACE = (*RUN, "--replace")
CLEAN = ("clean", "out", "--yes")


@pytest.fixture
def older(whole: Case) -> Case:
    """A result of another spec; `put_older` has it at the target of the case."""
    assert whole
    Path("spec.merge").write_text(SPEC.replace("0.3", "0.5"))
    assert run_child(RUN, undisturbed) == 0, messages()
    Path("spec.merge").write_text(SPEC)
    OUT.rename("older")
    return files_of(Path("older"))


def put_older() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    for left in left_over():
        shutil.rmtree(left)
    shutil.copytree("older", OUT)


@pytest.mark.parametrize("system", [undisturbed, lacking("_rename_exchange")])
def test_the_new_result_takes_the_place(whole: Case, older: Case, system: Before) -> None:
    put_older()
    assert run_child(REPLACE, system) == 0, messages()
    assert files_of(OUT) == whole != older
    assert left_over() == []


def test_nothing_is_there_to_be_replaced(whole: Case) -> None:
    assert run_child(REPLACE, undisturbed) == 0, messages()
    assert files_of(OUT) == whole


DISTURBANCES: dict[str, Callable[[int], Before]] = {
    "killed": killed_at,
    "EIO": lambda at: failing_at(at, errno.EIO, sticky=False),
    "no space from then on": lambda at: failing_at(at, errno.ENOSPC, sticky=True),
    "no permission": lambda at: failing_at(at, errno.EACCES, sticky=False),
    "a write that never comes to pass": lambda at: writing_at(at, lie),
}
in_ways = pytest.mark.parametrize("how", [*DISTURBANCES] if EVERY_CALL else ["killed", "EIO"])


@pytest.mark.parametrize("system", [undisturbed, lacking("_rename_exchange")])
@in_ways
def test_disturbed_while_replacing(whole: Case, older: Case, how: str, system: Before) -> None:
    put_older()
    assert run_child(REPLACE, system) == 0
    with counting("every call of a replacement") as figures:
        for at in range(1, calls() + 1, STEP):
            figures["points"] += 1
            put_older()
            status = run_child(REPLACE, both(system, DISTURBANCES[how](at)))
            assert status not in (70, 99), messages()
            if system is undisturbed:
                # The target is one or the other at any moment.
                assert files_of(OUT) == whole or (status != 0 and files_of(OUT) == older)
            assert run_child(CLEAN, undisturbed) == 0, messages()
            assert files_of(OUT) == whole or (status != 0 and files_of(OUT) == older)
            assert left_over() == []


def killed_between_renames() -> Before:
    """Without a swap of folders: after the older result has left its place."""
    renames = 0

    def before(number: int, name: str) -> None:
        nonlocal renames
        renames += name == "_rename_new"
        if renames == 2:
            killed_at(number)(number, name)

    return both(lacking("_rename_exchange"), before)


@pytest.mark.parametrize("then", [CLEAN, RUN, (*REPLACE, "--resume")])
def test_the_moment_without_a_target_is_mended(
    whole: Case, older: Case, then: tuple[str, ...]
) -> None:
    put_older()
    assert run_child(REPLACE, killed_between_renames()) == -9
    assert not OUT.exists()
    run_child(then, undisturbed)
    assert files_of(OUT) == (whole if "--resume" in then else older)


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


def one_more_file(folder: Path) -> None:
    (folder / "skill" / "scores.json").write_text("{}")


def no_lineage(folder: Path) -> None:
    for path in folder.rglob("lineage.json"):
        path.unlink()


def a_link(folder: Path) -> None:
    folder.rename("elsewhere")
    folder.symlink_to("elsewhere")


@pytest.mark.parametrize("change", [a_file, one_more_file, no_lineage, a_link])
def test_what_mergec_did_not_write_is_not_replaced(
    older: Case, change: Callable[[Path], None]
) -> None:
    assert older
    put_older()
    change(OUT)
    before = kept_files()
    assert run_child(REPLACE, undisturbed) == 7
    assert printed_codes() == ["E854"]
    assert kept_files() == before


def kept_files() -> Case:
    """All files but those that say how a run went."""
    found = files_of(Path())
    return {name: found[name] for name in found if name not in ("messages", "calls")}


def test_what_is_left_is_listed_and_then_removed(partial: Path) -> None:
    for place in ("out", ".", partial.name):
        assert run_child(("clean", place), undisturbed) == 0
        listed, hint = messages().splitlines()
        assert listed.endswith(f"{partial.name}: 3 tensors are finished")
        assert hint == "`--yes` removes what no run works in"
    assert partial.exists()
    assert run_child(CLEAN, undisturbed) == 0
    assert messages() == f"removed {partial.name}\n"
    assert run_child(CLEAN, undisturbed) == 0
    assert messages() == "nothing is left of interrupted runs\n"


@in_ways
def test_cleaning_that_is_disturbed_is_repeated(partial: Path, how: str) -> None:
    kept = Path("copy")
    shutil.copytree(partial, kept)
    assert run_child(CLEAN, undisturbed) == 0
    with counting("every call of `mergec clean`") as figures:
        for at in range(1, calls() + 1, min(STEP, 13)):
            figures["points"] += 1
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(kept, partial)
            assert run_child(CLEAN, DISTURBANCES[how](at)) in (-9, 0, 8), messages()
            assert run_child(CLEAN, undisturbed) == 0
            assert left_over() == []


def test_what_no_run_makes_is_left_alone(partial: Path) -> None:
    deep = partial / "result" / "skill" / "mine" / "deeper"
    deep.mkdir(parents=True)
    (deep / "precious").write_text("")
    assert run_child(CLEAN, undisturbed) == 8
    assert printed_codes() == ["E853"]
    assert (deep / "precious").exists()
    assert os.listdir(partial)
