"""What can be known of a run before its first byte, each thing by itself."""

import resource
from collections.abc import Callable
from pathlib import Path

from mergec.backends import Backend, self_test
from mergec.diagnostics import Diagnostic, MergecError, fail
from mergec.execute.machine_memory import MemoryLimit, memory_limits, tightest
from mergec.execute.run import companion_bytes, source_roots
from mergec.frozen import frozen
from mergec.plan import Budget, Plan
from mergec.plan.review import amount
from mergec.shards.files import Files
from mergec.shards.partials import require_alone
from mergec.shards.preflight import target_checks
from mergec.shards.probe import probe_folder
from mergec.shards.system_errors import output_failed

# Of one export beside its weights, at most: as many as a writer asks for.
_FILES_BESIDE = 16
# The writer and each reader keep few files open; with fewer than these there is no room for both.
_LEAST_DESCRIPTORS = 64


@frozen
class Check:
    """One row: what was looked at, a figure of it, and what is wrong, if anything is."""

    what: str
    figure: str
    wrong: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the run may begin, as far as this goes."""
        return not self.wrong


def preflight(
    plan: Plan,
    target: Path,
    budget: Budget,
    backend: Callable[[], Backend],
    files: Files | None = None,
    limits: Callable[[], list[MemoryLimit]] = memory_limits,
    *,
    replace: bool = False,
) -> tuple[Check, ...]:
    """Every row, whatever the others say. Leaves nothing behind; tries a few files for a moment.

    `backend` makes the one that is to compute, which may fail. With `replace` something may stand
    at the target.
    """
    files = files or Files()
    needed = plan.bytes_written + companion_bytes(plan)
    count = sum(len(export.layouts) + _FILES_BESIDE for export in plan.exports)
    parent = target.absolute().parent
    figures: dict[str, Callable[[], str]] = {
        "folder": lambda: str(parent),
        "sources": lambda: f"{len(plan.sources)} apart from the output",
        "name": lambda: f"{target.name} is free",
        "permission": lambda: "may be written to",
        "space": lambda: _space(parent, needed, count, files),
    }
    rows: list[Check] = []
    roots = source_roots(plan)
    for what, check in target_checks(target, roots, needed, count, files, replace=replace):
        rows.append(_row(what, target, _both(check, figures[what])))
    rows.append(_row("file system", target, lambda: _probed(parent, files)))
    rows.append(_row("lock", target, lambda: _alone(target, files)))
    rows.append(_row("memory", target, lambda: memory_row(budget.peak, limits())))
    rows.append(_row("open files", target, _open_files))
    return (*rows, *_computing(target, backend))


def memory_row(peak: int, limits: list[MemoryLimit]) -> str:
    """A figure; E826 if somebody leaves a run less memory than it is projected to need."""
    least = tightest(limits)
    need = amount(peak, binary=True)
    if least is None:
        return f"{need} needed, no limit known"
    room = amount(least.room, binary=True)
    if least.room >= peak:
        return f"{need} needed, {room} left by {least.who}"
    raise fail(
        "E826",
        f"the run needs {need} of memory, and {least.who} leaves {room}",
        help="give it less with `--memory`, or fewer threads with `--threads`",
    )


def _row(what: str, target: Path, look: Callable[[], str]) -> Check:
    try:
        return Check(what, look())
    except MergecError as error:
        return Check(what, "", error.diagnostics)
    except OSError as error:
        return Check(what, "", output_failed(error, target).diagnostics)


def _both(check: Callable[[], None], figure: Callable[[], str]) -> Callable[[], str]:
    def look() -> str:
        check()
        return figure()

    return look


def _space(parent: Path, needed: int, count: int, files: Files) -> str:
    space = files.free_space(parent)
    said = f"{amount(needed)} needed, {amount(space.f_bavail * space.f_frsize)} free"
    # A file system without a fixed number of inodes reports none at all.
    return f"{said}; {count} files, {space.f_favail:,} inodes free" if space.f_files else said


def _probed(parent: Path, files: Files) -> str:
    found = probe_folder(parent, files)
    words = ("renames without replacing", "renames by hand")
    return f"writes, {words[not found.rename_without_replacing]}" + (
        ", reserves space" if found.reserve else ""
    )


def _alone(target: Path, files: Files) -> str:
    require_alone(target, files)
    return "no other run writes there"


def _open_files() -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _LEAST_DESCRIPTORS:
        raise fail(
            "E827",
            f"this process may have {soft} files open, and a run needs {_LEAST_DESCRIPTORS}",
            help=f"allow more with `ulimit -n {_LEAST_DESCRIPTORS}`; the most here is {hard}",
        )
    return "no limit" if soft == resource.RLIM_INFINITY else f"{soft:,} allowed"


def _computing(target: Path, make: Callable[[], Backend]) -> tuple[Check, Check]:
    made: list[Backend] = []

    def device() -> str:
        made.append(make())
        where = getattr(made[0], "device", "cpu")
        return f"`{made[0].name}` on {where}"

    def arithmetic() -> str:
        if not made:
            return "not tried"
        self_test(made[0])
        return "rounds as it should"

    return _row("backend", target, device), _row("arithmetic", target, arithmetic)
