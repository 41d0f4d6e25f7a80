"""What a run that ended early leaves on the disk, and the command that goes on with it."""

import shlex
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from mergec.cli.run_state import resumable
from mergec.diagnostics import MergecError, escape

ARGUMENTS = "mergec.arguments"
"""Where the command group keeps the command line."""


@contextmanager
def telling_what_stays(target: Path) -> Generator[None]:
    """Add to whatever ends the block early what stays of the run to `target`, if anything does."""
    from mergec.shards import partials
    from mergec.shards.recovery import claimed_tensors, may_pass

    before = set[Path]() if "--resume" in _arguments() else {each.path for each in partials(target)}
    try:
        yield
    except BaseException as error:
        if not may_pass(error):
            raise
        mine = [it for it in partials(target) if it.holder is None and it.path not in before]
        kept = [(len(claimed_tensors(each.read().lines)), each.path) for each in mine]
        count, path = max(kept, default=(0, target))
        if not count:
            raise
        tensors = "1 tensor is" if count == 1 else f"{count:,} tensors are"
        state = f"{tensors} kept in {escape(str(path))}"
        resumable(_command())
        if isinstance(error, MergecError):
            first, *others = error.diagnostics
            told = replace(first, notes=(*first.notes, state))
            raise MergecError([told, *others]) from error
        error.add_note(state)
        raise


def _arguments() -> list[str]:
    found: list[str] = click.get_current_context().find_root().meta.get(ARGUMENTS, [])
    return found


def _command() -> str:
    arguments = [*_arguments()]
    if "--resume" not in arguments:
        arguments.append("--resume")
    return shlex.join(["mergec", *arguments])
