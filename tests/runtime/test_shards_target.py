"""Where a checkpoint may be written, and who wins when two want the same name."""

import errno
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import pytest

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import Diagnostic, MergecError
from mergec.plan.layout import OutputTensor, lay_out
from mergec.shards import CheckpointWriter, Files, partials, stale_partials
from tests.runtime.shard_cases import (
    METADATA,
    TENSORS,
    WatchedFiles,
    contents,
    copy_checkpoint,
    expected_files,
    folder_files,
    layouts,
    make_source,
)

P = ParamSpec("P")
R = TypeVar("R")

CHANGES = {"mkdir", "open", "posix_fallocate", "pwrite", "unlink", "rmdir", "chmod", "rename"}


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "base")


class RecordingFiles(WatchedFiles):
    """Keeps the names of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def before(self, number: int, name: str) -> None:
        self.calls.append(name)


def refusal(
    target: Path, sources: list[Path], files: Files | None = None, *, other_bytes: int = 0
) -> Diagnostic:
    with pytest.raises(MergecError) as caught:
        CheckpointWriter.create(target, {"": layouts()}, sources, files, other_bytes=other_bytes)
    (found,) = caught.value.diagnostics
    assert found.help
    return found


def refused(target: Path, sources: list[Path]) -> tuple[str, str]:
    """Code and message, and proof that nothing was made, changed or even opened."""
    files = RecordingFiles()
    found = refusal(target, sources, files)
    assert not CHANGES & set(files.calls)
    return found.code, found.message


def write_all(writer: CheckpointWriter) -> None:
    for tensor in TENSORS:
        writer.write(tensor.name, 0, contents(tensor))


def make_file(path: Path) -> None:
    path.write_bytes(b"mine")


def make_empty_folder(path: Path) -> None:
    path.mkdir()


def make_full_folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_bytes(b"mine")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_link_to_folder(path: Path) -> None:
    path.with_name("elsewhere").mkdir()
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("make", "finding"),
    [
        (make_file, "exists"),
        (make_empty_folder, "exists"),
        (make_full_folder, "exists"),
        (make_dangling_link, "is a link"),
        (make_link_to_folder, "is a link"),
    ],
)
def test_an_existing_output(
    tmp_path: Path, source: Checkpoint, make: Callable[[Path], None], finding: str
) -> None:
    target = tmp_path / "child"
    make(target)
    assert refused(target, [source.root]) == ("E801", f"the output `{target}` {finding}")


def test_the_working_folder_exists(source: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source.root.parent)
    assert refused(Path("."), []) == ("E801", "the output `.` exists")
    assert refused(Path("base/.."), []) == ("E801", "the output `base/..` exists")


def test_the_output_and_a_source_overlap(tmp_path: Path, source: Checkpoint) -> None:
    root = source.root
    (tmp_path / "link").symlink_to(root)
    (root / "deep").mkdir()
    inside = [root / "child", root / "deep" / "child", tmp_path / "link" / "deep" / "child"]
    for target in inside:
        assert refused(target, [root]) == (
            "E802",
            f"the output `{target}` lies inside the source `{root}`",
        )
    for target in (root, tmp_path / "link", root / "deep" / ".."):
        assert refused(target, [root]) == ("E802", f"the output `{target}` is the source `{root}`")
    assert refused(tmp_path, [tmp_path / "absent", tmp_path / "link"]) == (
        "E802",
        f"the output `{tmp_path}` holds the source `{tmp_path / 'link'}`",
    )


def test_a_single_file_source_does_not_own_its_folder(tmp_path: Path, source: Checkpoint) -> None:
    weights = source.root / layouts()[0].name
    assert refused(weights, [weights])[0] == "E802"
    with CheckpointWriter.create(source.root / "child", {"": layouts()}, [weights]) as writer:
        write_all(writer)
        writer.publish()


def test_a_parent_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for parent, finding in (("absent", "does not exist"), ("file", "is not a folder")):
        folder = tmp_path / parent
        assert refused(folder / "child", []) == (
            "E813",
            f"the folder `{folder}` for the output `child` {finding}",
        )
    assert refused(tmp_path / "file" / "deep" / "child", [])[0] == "E813"


def test_a_parent_without_permission(tmp_path: Path) -> None:
    class Forbidden(RecordingFiles):
        def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
            answer = super().system(call, *args, **kwargs)
            return cast(R, False) if call.__name__ == "access" else answer

    files = Forbidden()
    target = tmp_path / "child"
    found = refusal(target, [], files)
    assert (found.code, found.message) == (
        "E880",
        f"`{target}` cannot be made: `{tmp_path}` may not be written to",
    )
    assert not CHANGES & set(files.calls)


def test_too_little_space(tmp_path: Path) -> None:
    target = tmp_path / "child"
    found = refusal(target, [], other_bytes=10**18)
    needed = 10**18 + sum(layout.size for layout in layouts())
    pattern = rf"the output `{re.escape(str(target))}` needs {needed:,} bytes, and [\d,]+ are free"
    assert found.code == "E602"
    assert re.match(pattern, found.message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make", [make_file, make_full_folder, make_dangling_link, make_link_to_folder]
)
@pytest.mark.parametrize("rename", ["refusing", "plain"])
def test_the_name_is_taken_during_the_run(
    tmp_path: Path, source: Checkpoint, make: Callable[[Path], None], rename: str
) -> None:
    """At the last moment, before the call that gives the name; also where it cannot refuse."""
    target = tmp_path / "child"

    class Racing(WatchedFiles):
        def before(self, number: int, name: str) -> None:
            if name == "_rename_new" and rename == "plain":
                raise OSError(errno.EINVAL, "")
            if name in ("_rename_new", "rename"):
                make(target)

    with pytest.raises(MergecError) as caught:
        copy_checkpoint(source, target, Racing())
    (found,) = caught.value.diagnostics
    assert found.code == "E801"
    assert found.message == f"the output `{target}` was made by someone else during the run"
    remade = tmp_path / "again" / "child"
    remade.parent.mkdir()
    make(remade)
    assert {path.name for path in tmp_path.iterdir()} - {"base", "again"} == {
        path.name for path in remade.parent.iterdir()
    }
    assert target.is_symlink() == remade.is_symlink()


def test_the_name_is_taken_before_a_plain_rename(tmp_path: Path, source: Checkpoint) -> None:
    target = tmp_path / "child"

    class Racing(WatchedFiles):
        def before(self, number: int, name: str) -> None:
            if name == "_rename_new":
                make_empty_folder(target)
                raise OSError(errno.ENOSYS, "")

    with pytest.raises(MergecError) as caught:
        copy_checkpoint(source, target, Racing())
    assert [found.code for found in caught.value.diagnostics] == ["E801"]
    assert list(target.iterdir()) == []


def test_a_system_without_refusing_rename(tmp_path: Path, source: Checkpoint) -> None:
    class Plain(WatchedFiles):
        def before(self, number: int, name: str) -> None:
            if name == "_rename_new":
                raise OSError(errno.ENOSYS, "")

    copy_checkpoint(source, tmp_path / "child", Plain())
    assert folder_files(tmp_path / "child") == expected_files()


def test_a_second_writer_of_one_name(tmp_path: Path) -> None:
    target = tmp_path / "child"
    with CheckpointWriter.create(target, {"": layouts()}, [], WatchedFiles()):
        found = refusal(target, [])
        (partial,) = partials(target)
    assert (found.code, found.message) == ("E850", f"another run is writing `{target}`")
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert found.notes == (f"{holder} works in `{partial.path}`",)
    assert list(tmp_path.iterdir()) == []


def test_two_writers_that_do_not_see_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alone(_target: Path, _files: Files) -> None: ...

    monkeypatch.setattr("mergec.shards.writer.require_alone", alone)
    target = tmp_path / "child"
    with (
        CheckpointWriter.create(target, {"": layouts()}, [], WatchedFiles()) as first,
        CheckpointWriter.create(target, {"": layouts()}, [], WatchedFiles()) as second,
    ):
        write_all(second)
        write_all(first)
        second.publish()
        published = folder_files(target)
        with pytest.raises(MergecError) as caught:
            first.publish()
    assert [found.code for found in caught.value.diagnostics] == ["E801"]
    assert folder_files(target) == published
    assert list(tmp_path.iterdir()) == [target]


def test_what_dead_runs_left_is_named_and_kept(tmp_path: Path) -> None:
    target = tmp_path / "child"
    dead = tmp_path / "child.mergec-partial-0badcafe"
    dead.mkdir()
    (dead / ".mergec-lock").write_bytes(b"")
    unborn = tmp_path / "child.mergec-partial-00000000"
    unborn.mkdir()
    for other in ("child2.mergec-partial-0badcafe", "achild.mergec-partial-0badcafe"):
        (tmp_path / other).mkdir()
    (tmp_path / "child.mergec-partial-file").write_bytes(b"")
    with CheckpointWriter.create(target, {"": layouts()}, []):
        assert len([path for path in tmp_path.iterdir() if path.name.startswith("child.")]) == 4
        assert stale_partials(target) == [unborn, dead]
    assert stale_partials(target) == [unborn, dead]
    assert stale_partials(tmp_path / "absent" / "child") == []


def test_stale_partials_of_a_relative_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("child.mergec-partial-0badcafe").mkdir()
    assert stale_partials(Path("child")) == [Path("child.mergec-partial-0badcafe")]


def test_a_relative_target_stays_where_it_was_named(
    tmp_path: Path, source: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with CheckpointWriter.create(Path("child"), {"": layouts()}, [source.root]) as writer:
        write_all(writer)
        monkeypatch.chdir(tmp_path / "other")
        writer.publish()
    assert "model.safetensors.index.json" in folder_files(tmp_path / "child")
    assert list((tmp_path / "other").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A file system of 256 KiB, which takes the superuser to make."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk takes the superuser")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let the superuser mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


class FillingFiles(WatchedFiles):
    """Lets someone else fill the disk right after its space was found sufficient."""

    def __init__(self, disk: Path) -> None:
        super().__init__()
        self.disk = disk

    def after(self, number: int, name: str) -> None:
        if name == "statvfs":
            (self.disk / "other").write_bytes(bytes(128 << 10))


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    target = small_disk / "child"
    large = lay_out([OutputTensor("w", Dtype.U8, (200 << 10,))], 1 << 30, METADATA)
    with pytest.raises(MergecError) as preflight:
        CheckpointWriter.create(target, {"": [*large, *layouts()]}, [], other_bytes=60 << 10)
    with pytest.raises(MergecError) as reserving:
        CheckpointWriter.create(target, {"": large}, [], FillingFiles(small_disk))
    assert [path.name for path in small_disk.iterdir()] == ["other"]
    (small_disk / "other").unlink()
    with (
        CheckpointWriter.create(target, {"": large}, [], WatchedFiles()) as writer,
        pytest.raises(MergecError) as writing,
    ):
        writer.add_file("tokenizer.json", bytes(100 << 10))
    # This disk is memory, in which nothing is reserved unless a test says so, as above.
    with CheckpointWriter.create(target, {"": large}, []) as writer:
        (small_disk / "other").write_bytes(bytes(128 << 10))
        with pytest.raises(MergecError) as filling:
            writer.write("w", 0, memoryview(bytes(200 << 10)))
    codes = [
        (found.code, found.message)
        for caught in (preflight, reserving, writing, filling)
        for found in caught.value.diagnostics
    ]
    full = ("E804", f"the disk is full while writing `{target}`")
    assert codes[0][0] == "E602"
    assert codes[1:] == [full] * 3
    assert [path.name for path in small_disk.iterdir()] == ["other"]


def test_a_disk_that_is_read_only(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert refused(small_disk / "child", [])[0] == "E880"
