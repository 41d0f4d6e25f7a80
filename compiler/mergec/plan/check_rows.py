"""What headers say together: shapes, dtypes, and integer tensors that must be equal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mergec.catalog import Dtype, TensorEntry
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import SourceDecl
from mergec.elaborate.parameters import Report
from mergec.plan.model import Row

_SHOWN = 3
_Clash = tuple[str, TensorEntry, TensorEntry]


@dataclass(frozen=True, slots=True)
class Expected:
    """The tensor that an output tensor has its name and shape from, and its source."""

    label: str
    entry: TensorEntry


def check_rows(
    rows: Sequence[Row],
    expected: Sequence[Expected],
    sources: Iterable[SourceDecl],
    report: Report,
) -> None:
    """Report E402 (shapes), E403 (dtypes) and E406 (integers of two dtypes) for all rows.

    `expected` stands beside the rows: an output has the shapes of one source, whether or not its
    values are read.
    """
    decls = {decl.label: decl for decl in sources}
    for (left, right), clashes in _shape_clashes(rows, expected).items():
        report(_shapes_differ(decls[left], decls[right], clashes))
    for (label, dtype), names in _uncomputable(rows).items():
        report(_dtype_unsupported(decls[label], dtype, names))
    for row in rows:
        for label, entry in row.equal:
            # The run compares the values.
            if entry.dtype != row.entries[0].dtype:
                report(_integers_differ(row, decls[row.labels[0]], decls[label], entry))


def _shape_clashes(
    rows: Sequence[Row], expected: Sequence[Expected]
) -> dict[tuple[str, str], list[_Clash]]:
    """For each source that disagrees with the expected one, the tensors about which it does."""
    clashes: dict[tuple[str, str], list[_Clash]] = {}
    for row, wanted in zip(rows, expected, strict=True):
        for label, entry in (*zip(row.labels, row.entries, strict=True), *row.equal):
            if entry.shape != wanted.entry.shape:
                clash = (row.tensor, wanted.entry, entry)
                clashes.setdefault((wanted.label, label), []).append(clash)
    return clashes


def _shapes_differ(left: SourceDecl, right: SourceDecl, clashes: Sequence[_Clash]) -> Diagnostic:
    notes = [
        f"`{name}` is {a.describe()} in `{left.ref}` and {b.describe()} in `{right.ref}`"
        f"{_first_axis(a, b)}"
        for name, a, b in clashes[:_SHOWN]
    ]
    if len(clashes) > _SHOWN:
        notes.append(f"and {len(clashes) - _SHOWN} more")
    some = "tensor has" if len(clashes) == 1 else "tensors have"
    return Diagnostic(
        "E402",
        f"{len(clashes)} {some} another shape in `{right.ref}` than in `{left.ref}`",
        right.span,
        "other shapes here",
        labels=(Label(left.span, "than here"),) if left.label != right.label else (),
        notes=tuple(notes),
        help=("merge models of one architecture; shapes are never broadcast",),
    )


def _first_axis(a: TensorEntry, b: TensorEntry) -> str:
    if len(a.shape) != len(b.shape):
        return f" ({len(a.shape)} axes against {len(b.shape)})"
    axis = next(i for i, (x, y) in enumerate(zip(a.shape, b.shape, strict=True)) if x != y)
    return f" (axis {axis}: {a.shape[axis]} against {b.shape[axis]})"


def _uncomputable(rows: Sequence[Row]) -> dict[tuple[str, Dtype], list[str]]:
    """By source and dtype, the tensors that arithmetic or a cast would need and cannot read."""
    found: dict[tuple[str, Dtype], list[str]] = {}
    for row in rows:
        for label, entry in zip(row.labels, row.entries, strict=True):
            if row.action != "copy" and not entry.dtype.is_float:
                found.setdefault((label, entry.dtype), []).append(row.tensor)
    return found


def _dtype_unsupported(decl: SourceDecl, dtype: Dtype, names: Sequence[str]) -> Diagnostic:
    count = f"`{names[0]}`" if len(names) == 1 else f"`{names[0]}` and {len(names) - 1} more"
    return Diagnostic(
        "E403",
        f"mergec cannot compute with {dtype.word}, the dtype of {count} in `{decl.ref}`",
        decl.span,
        f"holds {dtype.word} tensors",
        notes=("it computes with bf16, f16, f32 and f64",),
        help=("merge the unquantised weights, or convert this source to bf16 first",),
    )


def _integers_differ(
    row: Row, donor: SourceDecl, decl: SourceDecl, entry: TensorEntry
) -> Diagnostic:
    return Diagnostic(
        "E406",
        f"`{row.tensor}` is {row.entries[0].describe()} in `{donor.ref}` and "
        f"{entry.describe()} in `{decl.ref}`",
        decl.span,
        f"{entry.dtype.word} here",
        labels=(Label(donor.span, f"{row.entries[0].dtype.word} here"),),
        notes=("integers cannot be averaged, so they must be equal in all sources",),
        help=("make the two files agree, or leave one of these sources out",),
    )
