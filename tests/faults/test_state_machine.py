"""Runs, kills, faults, changes and repairs in any order, against a model of what may be there.

After every step: the output is absent, what it was, or the whole new result; no source was touched;
the exit status is the one that the model foretells; nothing ends in a traceback. A published result
has the bytes of an undisturbed run, and `verify` tells it from a damaged one.
"""

import errno
import os
import shutil
import signal
import tempfile
from contextlib import ExitStack, chdir
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mergec.shards import partials
from tests.faults.injected import (
    EVERY_CALL,
    RUN,
    Before,
    Case,
    Home,
    ended,
    failing_at,
    files_of,
    killed_at,
    lacking,
    left_over,
    messages,
    remove,
    run_child,
    start_child,
    undisturbed,
    write_case,
)
from tests.faults.tally import counting

OUT, LOCK = Path("out"), Path("spec.merge.lock")
WEIGHTS = Path("code/model.safetensors")
SOURCES = ("base", "code", "math", "spec.merge")
CLEAN = ("clean", "out", "--yes")
Arguments = tuple[str, ...]
Key = tuple[str, str]
"""What the bytes of a result depend on: the weights that one source has, and those in the lock."""

KILLED = -signal.SIGKILL
# A fault may also make a source unreadable, a check before the run fail, or hide what is kept.
AFTER_A_FAULT = {0, 4, 6, 7, 8, 9, 10}
AT = st.integers(1, 330)
MANY = settings(
    max_examples=200, stateful_step_count=40, derandomize=False, report_multiple_bugs=False
)
COMMANDS = st.tuples(st.sampled_from([(), ("--resume",)]), st.sampled_from([(), ("--replace",)]))
WRITES = COMMANDS.map(lambda flags: (*RUN, *flags[0], *flags[1]))
ERRORS = st.sampled_from([errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EACCES])

_made: dict[Key, Case] = {}
"""What undisturbed runs make, in whichever folder."""


class Events(RuleBasedStateMachine):
    """A folder of sources with one output, and what is known of it."""

    faults = 0

    def __init__(self) -> None:
        super().__init__()
        self.commands = 0
        self.stack = ExitStack()
        folder = tempfile.mkdtemp(prefix="mergec-events-")
        self.stack.callback(shutil.rmtree, folder)
        self.stack.enter_context(chdir(folder))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        # What is drawn at random would make the same events end in another way.
        patch.setattr("secrets.token_hex", self.drawn)
        patch.setenv("XDG_CACHE_HOME", f"{folder}/cache")
        write_case(Path())
        _write_versions()
        self.version = "first"
        self.locked = ""
        """The version that the lock has, if there is one."""
        self.there: Key | None = None
        """The result at the output."""
        self.aside: Key | None = None
        """The older result, in the moment without an output."""
        self.begun: dict[Path, Key] = {}
        self.system: Before = undisturbed
        self.sources = _states()

    def drawn(self, _size: int) -> str:
        """What stands in for a random number, another one for each command."""
        return f"{self.commands:08x}"

    def teardown(self) -> None:
        self.stack.close()

    @initialize(swaps=st.booleans())
    def begin(self, swaps: bool) -> None:
        if not swaps:
            self.system = lacking("_rename_exchange")

    @property
    def key(self) -> Key:
        return self.version, self.locked

    # What a run makes of it.

    @rule(arguments=WRITES)
    def run(self, arguments: Arguments) -> None:
        expected = self.foretold(arguments)
        assert self.does(arguments) == expected, messages()

    @rule(arguments=WRITES, at=AT)
    def run_killed(self, arguments: Arguments, at: int) -> None:
        expected = self.foretold(arguments)
        assert self.does(arguments, killed_at(at)) in {KILLED, expected}, messages()

    @rule(arguments=WRITES, at=AT, error=ERRORS, sticky=st.booleans())
    def run_failing(self, arguments: Arguments, at: int, error: int, sticky: bool) -> None:
        disturbed = failing_at(at, error, sticky=sticky)
        assert self.does(arguments, disturbed) in AFTER_A_FAULT, messages()

    @rule(first=WRITES, second=st.one_of(WRITES, st.just(CLEAN)), at=AT, dies=st.booleans())
    @precondition(lambda self: self.aside is None and self.system is undisturbed)
    def two_at_once(self, first: Arguments, second: Arguments, at: int, dies: bool) -> None:
        """The first one stops at a call until the second one is over."""

        def stop(number: int, _name: str) -> None:
            if number == at:
                os.kill(os.getpid(), signal.SIGSTOP)

        old = self.there
        self.commands += 1
        child = start_child(first, stop, "first messages")
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            try:
                self.commands += 1
                assert run_child(second, undisturbed) in {0, 7, 8, 9, 10}, messages()
            finally:
                os.kill(child, signal.SIGKILL if dies else signal.SIGCONT)
                status = ended(child)
            assert status in {0, 7, 8, 9, 10, KILLED}, Path("first messages").read_text()
        self.look({old} if self.result() is None else {old, self.key})

    @rule()
    def clean(self) -> None:
        assert self.does(CLEAN) == 0, messages()
        assert left_over() == []

    @rule(at=AT.map(lambda at: at % 60))
    def clean_killed(self, at: int) -> None:
        assert self.does(CLEAN, killed_at(at)) in {KILLED, 0}, messages()

    @rule()
    def plan(self) -> None:
        wrong = self.locked not in ("", self.version)
        assert self.does(("plan", "spec.merge")) in ({0, 10} if wrong else {0}), messages()

    # What else happens to the files.

    @rule(version=st.sampled_from(["first", "other", "nan"]))
    def change_a_source(self, version: str) -> None:
        """Another file comes, or the one that was there before, as it was."""
        WEIGHTS.rename(self.version)
        self.version = version
        Path(version).rename(WEIGHTS)
        self.sources = _states()

    @rule()
    def lock(self) -> None:
        LOCK.unlink(missing_ok=True)
        assert self.does(("lock", "spec.merge")) == 0, messages()
        self.locked = self.version

    @rule(at=AT.map(lambda at: at % 20))
    def lock_killed(self, at: int) -> None:
        LOCK.unlink(missing_ok=True)
        assert self.does(("lock", "spec.merge"), killed_at(at)) in {KILLED, 0}, messages()
        self.locked = self.version if LOCK.exists() else ""
        if self.locked:
            assert self.does(("lock", "spec.merge", "--check")) == 0, messages()

    @precondition(lambda self: self.locked)
    @rule()
    def unlock(self) -> None:
        LOCK.unlink()
        self.locked = ""

    @precondition(lambda self: self.there)
    @rule()
    def move_the_output_away(self) -> None:
        shutil.rmtree(OUT)
        self.there = None

    @precondition(lambda self: not self.aside and left_over() != [])
    @rule(data=st.data(), how=st.sampled_from(["flip", "cut off", "remove"]))
    def spoil_what_is_left(self, data: st.DataObject, how: str) -> None:
        left = data.draw(st.sampled_from(left_over()))
        found = sorted(path for path in left.rglob("*") if path.is_file())
        if found:
            path = data.draw(st.sampled_from(found))
            _spoil(path, how, data.draw(st.integers(0, 10**6)))

    # What is said of it.

    @precondition(lambda self: self.there)
    @rule()
    def verify(self) -> None:
        assert self.does(("verify", "out")) == 0, messages()

    @precondition(lambda self: self.there)
    @rule()
    def replay(self) -> None:
        assert self.there
        same = self.there[0] == self.version
        status = self.does(("verify", "out", "--replay", "full"))
        assert status in ({0} if same else {10, 14}), messages()

    @precondition(lambda self: self.there)
    @rule(data=st.data(), how=st.sampled_from(["flip", "cut off", "remove"]))
    def verify_what_is_damaged(self, data: st.DataObject, how: str) -> None:
        # Nothing vouches for the lineage, which vouches for the rest.
        found = [path for path in OUT.rglob("*.*") if path.name != "lineage.json"]
        path = data.draw(st.sampled_from(sorted(found)))
        raw = path.read_bytes()
        _spoil(path, how, data.draw(st.integers(0, 10**6)))
        status = run_child(("verify", "out"), undisturbed)
        path.write_bytes(raw)
        assert status in {4, 10}, (path, messages())

    # The model.

    def does(self, arguments: Arguments, disturbed: Before = undisturbed) -> int:
        """The exit status of a command, after which all is as it may be."""
        if disturbed is not undisturbed:
            Events.faults += 1

        def before(number: int, name: str) -> None:
            self.system(number, name)
            disturbed(number, name)

        old = self.there or self.aside
        self.commands += 1
        status = run_child(arguments, before)
        writes = arguments[0] == "run"
        may: set[Key | None] = {self.there, old} if writes or arguments == CLEAN else {self.there}
        if writes and self.result() is not None:
            may.add(self.key)
        if "--replace" in arguments and status != 0 and self.system is not undisturbed:
            may.add(None)
        if writes and status == 0:
            may = {self.key}
        self.look(may)
        assert "Traceback" not in messages(), messages()
        return status

    def look(self, may: set[Key | None]) -> None:
        """Find out which of these is at the output now."""
        found = files_of(OUT) if OUT.exists() else None
        keys = [key for key in may if (None if key is None else _made[key]) == found]
        assert keys, f"something else than {may} is there"
        old, self.there = self.there, keys[0]
        if old is not None and self.there is None:
            self.aside = old
        elif self.there is not None:
            self.aside = None
        left = left_over()
        self.begun = {path: self.begun.get(path, self.key) for path in left}

    def foretold(self, arguments: Arguments) -> int:
        """The exit status of a run that nothing disturbs."""
        if "--resume" in arguments:
            begun = {self.begun[each.path] for each in partials(OUT) if each.read().lines}
            if self.key not in begun:
                return 10 if begun else 7
        if (self.there or self.aside) and "--replace" not in arguments:
            return 7
        if self.locked not in ("", self.version):
            return 10
        return 0 if self.result() is not None else 9

    def result(self) -> Case | None:
        """What a run makes of the sources and the lock, if it makes anything."""
        if self.version == "nan" or self.locked not in ("", self.version):
            return None
        if self.key not in _made:
            assert run_child((*RUN[:3], "whole", *RUN[4:]), undisturbed) == 0, messages()
            _made[self.key] = files_of(Path("whole"))
            remove(Path("whole"))
        return _made[self.key]

    @invariant()
    def no_source_was_touched(self) -> None:
        assert _states() == self.sources


def _states() -> dict[str, tuple[bytes, int, int, int]]:
    """Bytes, mode, inode and time of change of every file of the sources."""
    files = [path for name in SOURCES for path in (Path(name), *Path(name).rglob("*"))]
    return {
        str(path): (path.read_bytes(), found.st_mode, found.st_ino, found.st_mtime_ns)
        for path in files
        if path.is_file() and (found := path.stat())
    }


def _write_versions() -> None:
    """Beside the weights of one source, others that could stand in their place."""
    raw = bytearray(WEIGHTS.read_bytes())
    raw[-1] ^= 1
    Path("other").write_bytes(raw)
    raw[-2:] = b"\xff\xff"
    Path("nan").write_bytes(raw)


def _spoil(path: Path, how: str, where: int) -> None:
    raw = bytearray(path.read_bytes())
    if how == "remove" or not raw:
        path.unlink()
        return
    where %= len(raw)
    if how == "flip":
        raw[where] ^= 1
    else:
        del raw[where:]
    path.write_bytes(raw)


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_any_order_of_events(home: Home) -> None:
    assert home.made
    size = MANY if EVERY_CALL else settings(max_examples=8, stateful_step_count=15)
    Events.faults = 0
    with counting("any order of events") as figures:
        try:
            run_state_machine_as_test(Events, settings=size)
        finally:
            figures["points"] += Events.faults
