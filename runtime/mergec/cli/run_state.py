"""What a `run` that ends early leaves at its output: a word for programs, a line for people."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from mergec.diagnostics import MergecError, escape
from mergec.diagnostics.render_json import diagnostic_fields

State = Literal["untouched", "resumable", "published", "unknown"]
Folder = tuple[int, int]
"""Device and inode."""
SCHEMA = "mergec.run/1"
# The folder is in place and complete, and the system did not confirm that its name is on the disk.
_UNCONFIRMED = "E815"
_SIGNALS = (129, 130, 143)


@dataclass(slots=True)
class RunState:
    """One `run`: where it writes, whether programs read what it says, and how far it came.

    `before` is the folder that had the name of the output when it began. `resume_command` goes on
    where it ended, if a part of it is kept.
    """

    target: Path
    as_json: bool
    before: Folder | None
    published: bool = False
    resume_command: str | None = None

    def after(self, error: BaseException) -> State:
        """What is at the output now that `error` ended the run."""
        if isinstance(error, MergecError) and error.diagnostics[0].code == _UNCONFIRMED:
            return "unknown"
        if self.published or (not isinstance(error, MergecError) and self.has_appeared()):
            return "published"
        return "untouched" if self.resume_command is None else "resumable"

    def has_appeared(self) -> bool:
        """Whether another folder has the name now than had it before.

        A signal may come between the step that publishes and whoever would take a note of it.
        """
        return folder_at(self.target) not in (None, self.before)


def folder_at(target: Path) -> Folder | None:
    """Which folder has a name, if any has."""
    with contextlib.suppress(OSError):
        found = target.lstat()
        return found.st_dev, found.st_ino
    return None


_current: list[RunState] = []


def begin(target: Path, *, as_json: bool = False) -> RunState:
    """From here on an error is one of a run to `target`."""
    _current[:] = [RunState(target, as_json, folder_at(target))]
    return _current[0]


def is_published() -> bool:
    """Whether a run that a signal or a closed stream ends has published."""
    return any(run.published or run.has_appeared() for run in _current)


def resumable(command: str) -> None:
    """A part of the run is kept, and `command` goes on with it."""
    for run in _current:
        run.resume_command = command


def tell(error: BaseException | None, status: int) -> None:
    """One line on standard error, and one object on standard output where that was asked for.

    Nothing for commands other than `run`, nor where a message of its own has said it.
    """
    if not _current:
        return
    run = _current.pop()
    if error is None:
        return
    state = run.after(error)
    with contextlib.suppress(OSError):
        if status not in _SIGNALS or state != "untouched":
            click.echo(_line(run, state), err=True)
    with contextlib.suppress(OSError):
        if run.as_json:
            click.echo(json.dumps(_document(run, state, error, status), indent=2))


def _line(run: RunState, state: State) -> str:
    where = escape(str(run.target))
    match state:
        case "untouched":
            return f"nothing was written to {where}"
        case "resumable":
            return f"to go on: {run.resume_command}"
        case "published":
            return f"{where} is complete and published; only what was to be said after is missing"
        case "unknown":
            return f"{where} is complete; whether it outlives a power failure is not known"


def _document(run: RunState, state: State, error: BaseException, status: int) -> dict[str, Any]:
    found = error.diagnostics if isinstance(error, MergecError) else ()
    return {
        "schema": SCHEMA,
        "code": found[0].code if found else None,
        "exit": status,
        "state": state,
        "resume_command": run.resume_command if state == "resumable" else None,
        "output": str(run.target),
        "errors": [diagnostic_fields(each) for each in found],
    }
