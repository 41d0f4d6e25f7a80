"""The checkpoints of an output: itself, or one in each folder of a run with several exports."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mergec.catalog.lineage_file import FILE_NAME
from mergec.catalog.sample import Sample
from mergec.diagnostics import Diagnostic, MergecError, escape
from mergec.verify.check import verify
from mergec.verify.integrity import read_statement
from mergec.verify.verdict import State, Verdict

Progress = Callable[[int], None]


def verify_all(
    target: Path,
    sample: Sample | None = None,
    root: Path | None = None,
    progress: Progress = lambda _: None,
) -> Mapping[str, Verdict]:
    """A verdict for each checkpoint of an output, by its folder; the empty name is `target` itself.

    A folder that was published with one of these and is gone is a failure. Raises E811 where there
    is no checkpoint of ours at all.
    """
    present = set(_folders(target))
    if not present:
        return {"": verify(target, sample, root, progress)}
    published = {name: _published(target / name) for name in sorted(present)}
    if all(beside is None for beside in published.values()):
        return {name: verify(target / name, sample, root, progress) for name in published}
    wanted = {*published, *(name for beside in published.values() for name in beside or ())}
    return {
        name: verify(target / name, sample, root, progress)
        if published.get(name) is not None
        else _missing(target / name)
        for name in sorted(wanted)
    }


def _folders(target: Path) -> Iterator[str]:
    """The folders in an output that is no checkpoint itself, and that have a lineage."""
    try:
        if (target / FILE_NAME).exists():
            return
        for path in target.iterdir():
            if (path / FILE_NAME).is_file():
                yield path.name
    except OSError:
        return  # looking into the target itself says what is wrong with it


def _published(folder: Path) -> list[str] | None:
    """The folders that stood beside this one when it was published; None if it is not ours."""
    try:
        names = read_statement(folder).folders
    except MergecError:
        return None
    plain = [name for name in names if "/" not in name]
    return [name for name in plain if name not in ("", ".", "..")]


def _missing(folder: Path) -> Verdict:
    found = Diagnostic(
        "E812",
        f"`{escape(str(folder))}` is not a checkpoint that mergec wrote",
        None,
        notes=(f"it is gone or its `{FILE_NAME}` is another", "the folders beside it are ours"),
        help=("run the spec again", "or verify the folders that are left one by one"),
    )
    return Verdict(State.FAILED, 0, 0, (found,))
