"""Runs of the command line in children of this process, whose nth system call fails or is the last.

The children are forked, so that a run takes hundredths of a second, and every call that a run makes
of `Files` is a point at which it is killed.
"""

import contextlib
import errno
import importlib
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mergec.cli.main import run_command
from mergec.shards import Files, journal, partials
from tests.toy_checkpoints import FAMILY, weights, write_checkpoint

SPEC = """\
base = model("./base")
code = model("./code")
math = model("./math")
skilled = ties(base, code, math; density=0.3, scope=global)
require norm(skilled - base) < 100, "it stays near its parent"
export skilled { shard = 0.05KB }
export delta code - base as "skill"
"""
RUN = ("run", "spec.merge", "-o", "out", "--backend", "reference", "--threads", "1", "-q")
RESUME = (*RUN, "--resume")
# A run makes some three hundred calls; `make faults` disturbs it at every one, and with
# EVERY_CALL=7 in as many ways, but at every seventh.
EVERY_CALL = "EVERY_CALL" in os.environ
STEP = int(os.environ.get("EVERY_CALL", "97"))
_WAITING = ("fsync", "fdatasync")
Before = Callable[[int, str], Callable[..., Any] | None]
"""What happens before a call, by its number and name; what it returns is called in its place."""
Case = dict[str, bytes]
"""Path and bytes of every file that the case makes undisturbed."""


def write_case(folder: Path) -> None:
    """A spec with statistics over all tensors, a contract, several shards and two exports."""
    for name in FAMILY:
        write_checkpoint(folder / name, weights(name))
    (folder / "spec.merge").write_text(SPEC)


@contextlib.contextmanager
def each_step_claimed() -> Generator[None]:
    """Every step is claimed at once, as if it were large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "_BYTES", 1)
        yield


def run_child(arguments: tuple[str, ...], before: Before) -> int:
    """The exit status of a run, negative for a signal; `before` is told of each call by number."""
    return ended(start_child(arguments, before))


def start_child(arguments: tuple[str, ...], before: Before, said: str = "messages") -> int:
    """The process of a run, which prints to the file `said`."""
    child = os.fork()
    if child == 0:
        _be_child(arguments, before, said)
    return child


def ended(child: int) -> int:
    """The exit status of a process, waited for."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be_child(arguments: tuple[str, ...], before: Before, said: str) -> None:
    status = 99
    try:
        count = 0
        plain = Files.system

        def counted(self: Files, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            instead = before(count, call.__name__)
            if instead is None and call.__name__ in _WAITING:
                return None  # who is killed loses nothing by that, and it takes most of the time
            return plain(self, instead or call, *args, **kwargs)

        Files.system = counted  # type: ignore[method-assign]  # in this process alone
        # Whatever holds what this process prints, such as the capture of pytest.
        sys.stdout = sys.stderr = open(said, "w", buffering=1)  # noqa: SIM115
        main: Any = importlib.import_module("mergec.cli.main")
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, main._terminate)
        status = run_command(arguments)
        Path("calls").write_text(str(count))
    finally:
        os._exit(status)


def calls() -> int:
    """How many system calls the last run made that came to its end."""
    return int(Path("calls").read_text())


def killed_at(at: int) -> Before:
    """SIGKILL just before call number `at`."""

    def before(number: int, _name: str) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return before


def after_claims(count: int, then: Callable[[str], None]) -> Before:
    """As soon as that many steps are claimed, `then` comes before every call, by its name."""

    def before(_number: int, name: str) -> None:
        journals = Path().glob(f"out.mergec-partial-*/{journal.NAME}")
        if any(path.read_bytes().count(b'{"tensors"') >= count for path in journals):
            then(name)

    return before


def kill(number: signal.Signals) -> Callable[[str], None]:
    """Send this process a signal."""
    return lambda _: os.kill(os.getpid(), number)


def failing_at(at: int, error: int, *, sticky: bool) -> Before:
    """Call number `at` fails, and with `sticky` every later one too."""

    def before(number: int, name: str) -> None:
        if (number == at or (sticky and number > at)) and name != "close":
            raise OSError(error, os.strerror(error))

    return before


def writing_at(at: int, write: Callable[..., int]) -> Before:
    """Call number `at`, if it writes, is this instead."""

    def before(number: int, name: str) -> Callable[..., int] | None:
        return write if number == at and name == "pwrite" else None

    return before


def half(descriptor: int, data: memoryview, offset: int) -> int:
    """Write some and say so."""
    return os.pwrite(descriptor, data[: (len(data) + 1) // 2], offset)


def lie(_descriptor: int, data: memoryview, _offset: int) -> int:
    """Write nothing, and say that all is written."""
    return len(data)


def both(one: Before, other: Before) -> Before:
    """What happens before a call by both of them."""
    return lambda number, name: one(number, name) or other(number, name)


def undisturbed(_number: int, _name: str) -> None:
    """Nothing happens."""


def lacking(*names: str) -> Before:
    """A system without these calls."""

    def before(_number: int, name: str) -> None:
        if name in names:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    return before


def messages() -> str:
    """What the last run printed."""
    return Path("messages").read_text()


def printed_codes() -> list[str]:
    """The codes in it."""
    return re.findall(r"^(?:error|warning)\[(\w+)\]", messages(), re.MULTILINE)


def left_over() -> list[Path]:
    """The folders that runs left."""
    return sorted(Path().glob("out.mergec-partial-*"))


def files_of(folder: Path) -> dict[str, bytes]:
    """Path and bytes of every file in a folder and in those below."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def finish(whole: Case) -> str:
    """Bring what a run left to its end, and say how that went."""
    if Path("out").exists():
        assert "nothing was" not in messages(), messages()
        state = "published"
    elif any(each.read().lines for each in partials(Path("out"))):
        assert run_child(RESUME, undisturbed) == 0, messages()
        state = "resumed"
    else:
        assert run_child(RUN, undisturbed) == 0, messages()
        state = "anew"
    assert files_of(Path("out")) == whole
    shutil.rmtree("out")
    for each in partials(Path("out")):
        assert each.holder is None
        shutil.rmtree(each.path)
    return state


@dataclass(frozen=True)
class Home:
    """A folder with the case, what it makes undisturbed, and what a killed run left there."""

    folder: Path
    made: Case
    left: Path
    kept: Path


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Made once: a journal knows its sources by what a copy of them would not have."""
    folder = tmp_path_factory.mktemp("faults")
    with contextlib.chdir(folder):
        write_case(folder)
        # Once here too, so that the children have imported all that a run needs.
        assert run_command((*RUN[:3], "undisturbed", *RUN[4:])) == 0
        made = files_of(Path("undisturbed"))
        assert len(made) > 8
        with each_step_claimed():
            status = run_child(RUN, after_claims(3, kill(signal.SIGKILL)))
        assert status == -signal.SIGKILL
        (left,) = left_over()
        left.rename("kept")
    return Home(folder, made, left, folder / "kept")


@pytest.fixture
def whole(home: Home, monkeypatch: pytest.MonkeyPatch) -> Generator[Case]:
    """What the case makes undisturbed; in its folder, where every step is claimed at once."""
    monkeypatch.chdir(home.folder)
    with each_step_claimed():
        yield home.made
    for path in home.folder.iterdir():
        if path.name not in (*FAMILY, "kept", "undisturbed"):
            remove(path)
    (home.folder / "spec.merge").write_text(SPEC)


@pytest.fixture
def partial(home: Home, whole: Case) -> Path:
    """What a run left that was killed after three of its eight steps."""
    assert whole
    shutil.copytree(home.kept, home.left)
    return home.left


def remove(path: Path) -> None:
    """Remove whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
