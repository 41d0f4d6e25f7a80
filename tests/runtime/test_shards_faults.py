"""All or nothing: every system call of a run fails, is interrupted or is its last."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import ParamSpec, TypeVar, cast

import pytest
from safetensors import SafetensorError
from safetensors.numpy import load

from mergec.catalog.checkpoint import Checkpoint
from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.plan.layout import OutputTensor, lay_out
from mergec.shards import CheckpointWriter, Files, stale_partials
from tests.runtime import shard_cases
from tests.runtime.shard_cases import (
    CASES,
    Case,
    WatchedFiles,
    copy_checkpoint,
    expected_files,
    folder_files,
    layouts,
    make_source,
    shard_paths,
)

P = ParamSpec("P")
R = TypeVar("R")

ROOT = Path(__file__).parents[2]

SYNCING = ("_sync_file_range", "fsync")

# What may need space or a descriptor; everything, for a fault of the device or of permissions.
CALLS: dict[int, set[str] | None] = {
    errno.ENOSPC: {"mkdir", "open", "posix_fallocate", "pwrite", *SYNCING, "_rename_new"},
    errno.EDQUOT: {"mkdir", "open", "posix_fallocate", "pwrite", *SYNCING, "_rename_new"},
    errno.EMFILE: {"open", "listdir"},
    errno.EIO: None,
    errno.EACCES: None,
}
CODES = {
    errno.ENOSPC: {"E804", "E809", "E815"},
    errno.EDQUOT: {"E804", "E809", "E815"},
    errno.EMFILE: {"E803", "E715", "E815"},
    errno.EIO: {"E803", "E809", "E815"},
    errno.EACCES: {"E803", "E715", "E815"},
}


class FailingFiles(WatchedFiles):
    """Call number `at` fails, and with `sticky` every later one of the same kinds too."""

    def __init__(self, at: int, number: int, *, sticky: bool) -> None:
        super().__init__()
        self.at = at
        self.number = number
        self.sticky = sticky
        self.fired = False

    def before(self, number: int, name: str) -> None:
        due = number == self.at or (self.sticky and number > self.at)
        kinds = CALLS[self.number]
        if due and (kinds is None or name in kinds):
            self.fired = True
            raise OSError(self.number, os.strerror(self.number))


class LateFiles(WatchedFiles):
    """Call number `at` does its work, and then `error` comes."""

    def __init__(self, at: int, error: BaseException) -> None:
        super().__init__()
        self.at = at
        self.error = error

    def after(self, number: int, name: str) -> None:
        if number == self.at:
            raise self.error


class InterruptedFiles(WatchedFiles):
    """Ctrl-C comes just before call number `at`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def before(self, number: int, name: str) -> None:
        if number == self.at:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device is told of every few bytes, so that small shards have all kinds of calls."""
    monkeypatch.setattr("mergec.shards.open_shards._WRITE_BEHIND", 100)


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    return make_source(tmp_path / "source")


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """One checkpoint, or two that are published together."""
    return CASES[request.param]


@pytest.fixture
def calls(tmp_path: Path, source: Checkpoint, case: Case) -> int:
    """How many system calls the run makes."""
    files = WatchedFiles()
    home = tmp_path / "counted"
    home.mkdir()
    copy_checkpoint(source, home / "child", files, case)
    assert files.count > 50
    return files.count


def outcome(source: Checkpoint, target: Path, files: Files, case: Case) -> MergecError | None:
    """The run's error; the target is nothing or everything, and everything only if it should."""
    error = None
    open_before = os.listdir("/proc/self/fd")
    try:
        copy_checkpoint(source, target, files, case)
    except MergecError as caught:
        error = caught
    assert os.listdir("/proc/self/fd") == open_before
    code = error and error.diagnostics[0].code
    if target.exists():
        assert folder_files(target) == expected_files(case)
    assert target.exists() == (code in (None, "E815"))
    return error


def partials(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".mergec-partial-" in path.name)


@pytest.mark.parametrize("number", CALLS, ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "from then on"])
def test_every_call_fails(
    tmp_path: Path, source: Checkpoint, case: Case, calls: int, number: int, sticky: bool
) -> None:
    codes: set[str] = set()
    before = folder_files(source.root)
    for at in range(1, calls + 1):
        home = tmp_path / str(at)
        home.mkdir()
        files = FailingFiles(at, number, sticky=sticky)
        error = outcome(source, home / "child", files, case)
        if error is not None:
            assert files.fired
            assert len(error.diagnostics) == 1
            codes.add(error.diagnostics[0].code)
        left = partials(home)
        if CALLS[number] is not None or not (sticky or (home / "child").exists()):
            assert left == []
        else:
            # Nothing can be removed from a device that refuses everything; later it is named.
            assert stale_partials(home / "child") == left
    (tmp_path / "clean").mkdir()
    spent = FailingFiles(calls + 1, number, sticky=sticky)
    assert outcome(source, tmp_path / "clean" / "child", spent, case) is None
    assert spent.count == calls
    assert folder_files(source.root) == before
    # A source that once cannot be opened to read ahead is opened again to read.
    spared = {errno.EMFILE: {"E715"}, errno.ENOSPC: {"E809"}, errno.EDQUOT: {"E809"}}
    assert codes == CODES[number] - (set[str]() if sticky else spared.get(number, set[str]()))


def test_a_refusing_device_is_told_apart_from_what_it_leaves(
    tmp_path: Path, source: Checkpoint, case: Case, calls: int
) -> None:
    """What could not be removed stands in the error that says why."""
    named = 0
    for at in range(1, calls + 1):
        home = tmp_path / str(at)
        home.mkdir()
        error = outcome(source, home / "child", FailingFiles(at, errno.EIO, sticky=True), case)
        for left in partials(home):
            if (home / "child").exists():
                continue  # published already
            assert error is not None
            (found,) = error.diagnostics
            if found.code == "E803":
                assert f"`{left}` is left: remove it" in found.notes
                named += 1
    assert named > 10


def test_every_call_works_and_reports_an_error(
    tmp_path: Path, source: Checkpoint, case: Case, calls: int
) -> None:
    """As a network file system may; the one state allowed besides nothing is everything."""
    for at in range(1, calls + 1):
        home = tmp_path / str(at)
        home.mkdir()
        target = home / "child"
        with suppress(MergecError):
            copy_checkpoint(source, target, LateFiles(at, OSError(errno.EIO, "")), case)
        assert partials(home) == []
        if target.exists():
            assert folder_files(target) == expected_files(case)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_every_call_is_interrupted(
    tmp_path: Path, source: Checkpoint, case: Case, calls: int, moment: str
) -> None:
    published = 0
    for at in range(1, calls + 1):
        home = tmp_path / str(at)
        home.mkdir()
        target = home / "child"
        files = InterruptedFiles(at) if moment == "before" else LateFiles(at, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            copy_checkpoint(source, target, files, case)
        if target.exists():
            published += 1
            assert folder_files(target) == expected_files(case)
            assert not any((left / "result").exists() for left in partials(home))
        else:
            assert partials(home) == []
    # Only what follows the rename: the parent's sync, the end of the folder, the reader's closes.
    assert 0 < published < 15


class TracingFiles(Files):
    """Keeps what bears on durability: each call's name, and the inode it was about."""

    def __init__(self) -> None:
        self.trace: list[tuple[str, int]] = []

    def system(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = call.__name__
        if name in ("pwrite", "fsync"):
            opened = cast(int, args[0])
            kind = "length" if name == "pwrite" and args[2] == 0 else name
            self.trace.append((kind, os.fstat(opened).st_ino))
        elif name in ("unlink", "_rename_new"):
            self.trace.append((name, 0))
        return call(*args, **kwargs)


def test_everything_is_synced_before_what_relies_on_it(
    tmp_path: Path, source: Checkpoint, case: Case
) -> None:
    """So that after a power cut a length word means its data, and the name means everything."""
    files = TracingFiles()
    target = tmp_path / "child"
    copy_checkpoint(source, target, files, case)
    at = {event: number for number, event in enumerate(files.trace)}  # the last of its kind
    renamed = at["_rename_new", 0]
    assert at["fsync", target.stat().st_ino] < renamed
    assert renamed < at["fsync", tmp_path.stat().st_ino] < at["unlink", 0]
    for path in target.rglob("*"):  # folders too: their names
        assert at.get(("pwrite", path.stat().st_ino), 0) < at["fsync", path.stat().st_ino] < renamed
    for name in shard_paths(case):
        inode = (target / name).stat().st_ino
        of_shard = [kind for kind, other in files.trace if other == inode]
        length = of_shard.index("length")
        assert of_shard.count("length") == 1
        assert "pwrite" not in of_shard[length:]
        assert of_shard[length - 1] == of_shard[length + 1] == "fsync"


def test_a_shard_closed_for_want_of_room_is_synced(tmp_path: Path) -> None:
    """Else a write error that nobody has seen yet could be lost with the descriptor."""
    tensors = [OutputTensor(f"{i:02d}", Dtype.U8, (8,)) for i in range(70)]
    files = TracingFiles()
    shards = {"": lay_out(tensors, 8, {})}
    with CheckpointWriter.create(tmp_path / "child", shards, [], files) as writer:
        files.trace.clear()
        for tensor in tensors:
            writer.write(tensor.name, 0, bytes(8))
        written = [inode for kind, inode in files.trace if kind == "pwrite"]
        synced = [inode for kind, inode in files.trace if kind == "fsync"]
    assert synced == written[:6]


def test_threads_that_fail_together_tell_one_story(tmp_path: Path) -> None:
    class Full(WatchedFiles):
        meeting = Barrier(2)

        def before(self, number: int, name: str) -> None:
            if name == "pwrite" and self.count > laid_down:
                self.meeting.wait(10)
                raise OSError(errno.ENOSPC, "")

    files = Full()
    laid_down = 10**9
    target = tmp_path / "child"
    with (
        CheckpointWriter.create(target, {"": layouts()}, [], files) as writer,
        ThreadPoolExecutor(2) as threads,
    ):
        laid_down = files.count
        first = threads.submit(writer.write, "embed", 0, bytes(8))
        second = threads.submit(writer.write, "scale", 0, bytes(8))
        failures = [first.exception(), second.exception()]
    assert isinstance(failures[0], MergecError)
    assert failures[0] is failures[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", CASES)
def test_killed_at_every_call(tmp_path: Path, name: str) -> None:
    """The target is nothing or everything, and what is left beside it can be loaded by nobody."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "grammar", "compiler", "runtime"))
    subprocess.run(
        [sys.executable, shard_cases.__file__, str(tmp_path), name],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    case = CASES[name]
    homes = sorted(tmp_path.iterdir(), key=lambda home: int(home.name))
    sources = {layout.name: expected_files()[layout.name] for layout in layouts()}
    unfinished, published = 0, 0
    for home in homes:
        target = home / "child"
        if target.exists():
            published += 1
            assert folder_files(target) == expected_files(case)
        assert stale_partials(target) == partials(home)
        for staging in partials(home):
            assert not (target.exists() and (staging / "result").exists())
            unfinished += 0 if target.exists() else check_unloadable(staging / "result", case)
        assert folder_files(home / "source") == sources
        assert {entry.name for entry in home.iterdir()} <= {
            "child",
            "source",
            *(staging.name for staging in partials(home)),
        }
    assert len(homes) > 50
    assert unfinished > 50
    assert 0 < published < 15
    assert (homes[-1] / "child").exists()


def check_unloadable(staging: Path, case: Case) -> int:
    """How many shards in a staging folder are unfinished; the others must be right."""
    unfinished = 0
    for name in shard_paths(case):
        path = staging / name
        raw = path.read_bytes() if path.exists() else b""
        if raw[:8] == bytes(8) or not raw:
            unfinished += 1
            with pytest.raises(SafetensorError):
                load(raw)
        else:
            assert raw == expected_files(case)[name]
    return unfinished


def test_a_killed_run_is_no_obstacle(tmp_path: Path, source: Checkpoint) -> None:
    target = tmp_path / "child"
    dead = tmp_path / "child.mergec-partial-0badcafe"
    dead.mkdir()
    (dead / ".mergec-lock").write_bytes(b"")
    copy_checkpoint(source, target, Files())
    assert folder_files(target) == expected_files()
    assert stale_partials(target) == [dead]
