"""What headers say together: shapes, dtypes, and integer tensors that must be equal."""

from collections.abc import Iterable, Sequence

from mergec.catalog import Dtype, TensorEntry
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import SourceDecl
from mergec.elaborate.parameters import Report
from mergec.frozen import frozen
from mergec.ir import part_statistics
from mergec.ops import OPERATORS, Operator, statistic_operator
from mergec.ops.declaration import Shape
from mergec.plan.model import Row
from mergec.plan.program import Program

_SHOWN = 3
_Clash = tuple[str, TensorEntry, TensorEntry]


@frozen
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
    for (name, label), found in _statistic_clashes(rows).items():
        report(_statistic_differs(name, decls[label], found))
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
    of_values: dict[str, list[int]] = {}  # by program, of which there are few
    for row, wanted in zip(rows, expected, strict=True):
        if row.program.key not in of_values:
            of_values[row.program.key] = inputs_of_values(row.program)
        read = [(row.labels[i], row.entries[i]) for i in of_values[row.program.key]]
        for label, entry in (*read, *row.equal):
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


def _statistics(program: Program) -> dict[int, Operator]:
    """The inputs of a program that are statistics, with an operator that reads each."""
    found: dict[int, Operator] = {}
    for call in program.calls:
        _, statistics = part_statistics(call.operands, dict(call.params))
        for i in statistics:
            found[i] = statistic_operator(call.stage)
    return found


def inputs_of_values(program: Program) -> list[int]:
    """The numbers of the inputs that are not statistics and nothing else."""
    values = {*program.results}
    for call in program.calls:
        values |= {*part_statistics(call.operands, dict(call.params))[0]}
    apart = ({*_statistics(program)} - values) | program.whole
    return [i for i in range(len(program.inputs)) if i not in apart]


def _statistic_clashes(
    rows: Sequence[Row],
) -> dict[tuple[str, str], list[tuple[Row, TensorEntry, Shape]]]:
    """By operator and source, the statistics of another shape than the operator needs."""
    clashes: dict[tuple[str, str], list[tuple[Row, TensorEntry, Shape]]] = {}
    statistics: dict[str, dict[int, Operator]] = {}
    for row in rows:
        if row.program.key not in statistics:
            statistics[row.program.key] = _statistics(row.program)
        for i, operator in statistics[row.program.key].items():
            entry, statistic = row.entries[i], operator.statistic
            assert statistic is not None
            if entry.shape != statistic.shape(row.shape):
                clash = row, entry, statistic.shape(row.shape)
                clashes.setdefault((operator.name, row.labels[i]), []).append(clash)
    return clashes


def _statistic_differs(
    name: str, decl: SourceDecl, clashes: Sequence[tuple[Row, TensorEntry, Shape]]
) -> Diagnostic:
    statistic = OPERATORS[name].statistic
    assert statistic is not None
    (row, entry, wanted), *others = clashes
    said = f"[{','.join(map(str, wanted))}]"
    more = f" and of {len(others)} more" if others else ""
    return Diagnostic(
        "E402",
        f"the {statistic.name} of `{row.tensor}`{more} has another shape than `{name}` needs",
        decl.span,
        "other shapes here",
        notes=(
            f"`{row.tensor}` is {row.dtype.word}[{','.join(map(str, row.shape))}], so its "
            f"{statistic.name} must be {said}, and in `{decl.ref}` it is {entry.describe()}",
        ),
        help=("compute the statistic of these very tensors, and store it under their names",),
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
