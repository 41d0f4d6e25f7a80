"""Are two checkpoints the same? Tensor by tensor, byte by byte. Standard library only."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.index import INDEX_SUFFIX
from mergec.catalog.lineage_file import FILE_NAME, LineageProblem, read_lineage
from mergec.catalog.open_checkpoint import open_weights
from mergec.catalog.quoted import quoted
from mergec.catalog.regular_file import open_regular, read_whole
from mergec.diagnostics import Diagnostic, MergecError
from mergec.verify.verdict import State, Verdict

_STEP = 4 << 20
_SHOWN = 20


def against_all(verdicts: Mapping[str, Verdict], target: Path, other: Path) -> dict[str, Verdict]:
    """The verdicts on the folders of `target`, failed too where `other` holds something else.

    A folder that failed already is not compared. Raises what opening `other` raises.
    """
    return {
        folder: verdict
        if verdict.state is State.FAILED
        else _compared(verdict, target / folder, other / folder)
        for folder, verdict in verdicts.items()
    }


def _compared(verdict: Verdict, target: Path, other: Path) -> Verdict:
    found = (*_tensors(open_weights(target), open_weights(other)), *_files(target, other))
    if not found:
        return verdict
    findings = (*verdict.findings, *(_other(text, other) for text in islice(found, _SHOWN)))
    return Verdict(State.FAILED, verdict.checked, verdict.replayed, findings)


def _tensors(ours: Checkpoint, theirs: Checkpoint) -> Iterator[str]:
    """What differs, however the tensors are spread over files."""
    for name in sorted({*ours.tensors, *theirs.tensors}):
        one, two = ours.tensors.get(TensorName(name)), theirs.tensors.get(TensorName(name))
        if one is None or two is None:
            where = "only there" if one is None else "only here"
            yield f"tensor {quoted(name)} is {where}"
        elif (one.dtype, one.shape) != (two.dtype, two.shape):
            yield f"tensor {quoted(name)} is {one.describe()} here and {two.describe()} there"
        elif (at := _first_difference(ours.root, one, theirs.root, two)) is not None:
            place = at * 8 // one.dtype.bits
            yield f"tensor {quoted(name)} has other bytes, from element {place:,} on"


def _first_difference(here: Path, one: TensorEntry, there: Path, two: TensorEntry) -> int | None:
    """The offset of the first byte that differs; None if none does."""
    with open_regular(here / one.file) as ours, open_regular(there / two.file) as theirs:
        for start in range(0, one.nbytes, _STEP):
            count = min(_STEP, one.nbytes - start)
            left = ours.read(one.start + start, count)
            right = theirs.read(two.start + start, count)
            if left != right:
                return start + next(i for i in range(count) if left[i] != right[i])
    return None


def _files(target: Path, other: Path) -> Iterator[str]:
    """Small files that differ, of those that either lineage knows; lineages and indexes may."""
    for name in sorted({*_recorded(target), *_recorded(other)}):
        one, two = _bytes(target / name), _bytes(other / name)
        if one is None or two is None:
            yield f"{quoted(name)} is only {'there' if one is None else 'here'}"
        elif one != two:
            yield f"{quoted(name)} has other bytes"


def _recorded(folder: Path) -> set[str]:
    try:
        files = read_lineage(folder / FILE_NAME).statement.files
    except LineageProblem:
        return set()
    names = {Path(name).name for name in files} - {FILE_NAME}
    return {name for name in names if not name.endswith(INDEX_SUFFIX)}


def _bytes(path: Path) -> bytes | None:
    try:
        return read_whole(path)
    except MergecError as error:
        if error.diagnostics[0].code != "E701":
            raise
        return None


def _other(text: str, other: Path) -> Diagnostic:
    return Diagnostic(
        "E876",
        f"{text}, compared with {quoted(other)}",
        None,
        help=("`mergec lineage` of both tells in what they were made differently",),
    )
