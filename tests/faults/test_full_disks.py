"""Disks that are really full, which is told before a run or in it; with room it goes on."""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mergec.shards import Files, partials
from tests.faults.injected import (
    RESUME,
    RUN,
    Case,
    files_of,
    left_over,
    messages,
    printed_codes,
    run_child,
    undisturbed,
)
from tests.faults.small_disks import (
    fill,
    fill_with_files,
    free,
    small_ext4,
    small_tmpfs,
    when_claimed,
)
from tests.faults.tally import tally

OUT = Path("out")
DISKS: dict[str, Callable[[Path], AbstractContextManager[None]]] = {
    "tmpfs": lambda disk: small_tmpfs(disk, "size=2m"),
    "ext4": small_ext4,
}


@pytest.fixture(params=DISKS)
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The working folder, with room for the result once."""
    with DISKS[request.param](tmp_path / "disk"):
        yield tmp_path / "disk"


def made() -> Case:
    """What the run makes where there is room."""
    assert run_child(RUN, undisturbed) == 0, messages()
    whole = files_of(OUT)
    shutil.rmtree(OUT)
    return whole


def claims() -> list[int]:
    return [len(each.read().lines) for each in partials(OUT)]


def goes_on(whole: Case) -> None:
    assert run_child(RESUME, undisturbed) == 0, messages()
    assert files_of(OUT) == whole
    assert left_over() == []
    tally("full disks", points=1, violations=0, lost=0, resumed=1, equal=1)


def test_full_before_the_run(disk: Path) -> None:
    whole = made()
    fill()
    before = sorted(os.listdir(disk))
    assert run_child(RUN, undisturbed) == 6
    assert printed_codes() == ["E602"]
    assert sorted(os.listdir(disk)) == before
    free()
    assert run_child(RUN, undisturbed) == 0
    assert files_of(OUT) == whole


def test_full_in_the_run_and_still_when_it_is_resumed(disk: Path) -> None:
    whole = made()
    assert run_child(RUN, when_claimed(3, fill)) == 8
    assert printed_codes() == ["E804"]
    assert "the disk is full" in messages()
    assert "to go on: mergec run" in messages()
    before = claims()
    assert before >= [1 + 3]
    assert run_child(RESUME, undisturbed) in (6, 8)
    assert printed_codes() in (["E602"], ["E804"])
    assert claims() >= before
    assert not OUT.exists()
    free()
    goes_on(whole)
    assert disk.exists()


def test_no_inode_is_left(tmp_path: Path) -> None:
    with small_tmpfs(tmp_path / "disk", "size=4m,nr_inodes=80"):
        whole = made()
        fill_with_files()
        assert run_child(RUN, undisturbed) == 6
        assert printed_codes() == ["E602"]
        assert "inodes for 0" in messages()
        free()
        assert run_child(RUN, when_claimed(3, fill_with_files)) == 8
        assert printed_codes() == ["E804"]
        assert "no inode is left" in messages()
        free()
        goes_on(whole)


def test_a_file_may_not_become_larger_and_what_is_kept_is_gone_on_with(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    with small_tmpfs(tmp_path / "disk", "size=4m"):
        whole = made()
        assert run_child(RUN, when_claimed(3, limit)) == 8
        assert printed_codes() == ["E803"]
        assert "file too large" in messages()
        assert claims() >= [1 + 3]
        goes_on(whole)


def test_the_disk_becomes_read_only(tmp_path: Path) -> None:
    """As a file system does on which errors are found."""
    with small_tmpfs(tmp_path / "disk", "size=4m"):
        whole = made()
        only_read = ["mount", "-o", "remount,ro", str(tmp_path / "disk")]
        assert run_child(RUN, when_claimed(3, lambda: os._exit(9))) == 9
        subprocess.run(only_read, check=True)
        before = claims()
        assert run_child(RESUME, undisturbed) == 6
        assert printed_codes() == ["E880"]
        assert claims() == before
        subprocess.run([*only_read[:2], "remount,rw", only_read[3]], check=True)
        goes_on(whole)


def test_what_needs_no_room_was_reserved(tmp_path: Path) -> None:
    """On a disk that reserves, the weights and the journal are safe from whoever fills it."""
    with small_ext4(tmp_path / "disk"), contextlib.chdir(tmp_path / "disk"):
        assert run_child(RUN, when_claimed(1, fill)) == 8
        (left,) = left_over()
        assert claims() == [1 + 8]
        assert Files().free_space(left).f_bavail == 0
