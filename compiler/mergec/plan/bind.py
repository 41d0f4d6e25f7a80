"""Bind the normal form to checkpoint headers: one row for each output tensor, or all mistakes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mergec.catalog import Checkpoint, Dtype, NameMap, TensorEntry, TensorName, match_names
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import Elaborated, SourceDecl
from mergec.elaborate.parameters import Report
from mergec.plan.check_rows import check_rows
from mergec.plan.model import Place, PlanSource, Row
from mergec.plan.program import Exactness, Program, schedule

# Integer tensors that count or index and carry no skill: taken from the donor without a check.
_BOOKKEEPING = ("position_ids", "num_batches_tracked", "token_type_ids", "mask", "masked_bias")
_SHOWN = 3
_WIDE = (Dtype.F32, Dtype.F64)


def bind(
    elaborated: Elaborated,
    program: Program,
    checkpoints: Mapping[str, Checkpoint],
    report: Report,
) -> tuple[tuple[PlanSource, ...], tuple[Row, ...]]:
    """The sources as matched and the rows in the donor's file order.

    Reports E401 (missing tensors), E404 (ambiguous prefix) and what `check_rows` finds; the result
    is of use only if nothing was.
    """
    return _Binder(elaborated, program, checkpoints, report).bind()


@dataclass(slots=True)
class _Binder:
    elaborated: Elaborated
    program: Program
    checkpoints: Mapping[str, Checkpoint]
    report: Report
    costs: dict[tuple[tuple[Dtype, ...], Dtype], tuple[Exactness, int]] = field(
        default_factory=dict[tuple[tuple[Dtype, ...], Dtype], tuple[Exactness, int]]
    )

    def bind(self) -> tuple[tuple[PlanSource, ...], tuple[Row, ...]]:
        donated = self.checkpoints[self.elaborated.export.donor].tensors
        demanded = [tensor.name for tensor in donated.values() if not _is_bookkeeping(tensor)]
        maps = {
            decl.label: self._match(decl, demanded)
            for decl in self.elaborated.sources
            if decl.label in self.program.inputs
        }
        place = Place(
            {decl.label: decl.span for decl in self.elaborated.sources},
            self.elaborated.export.span,
        )
        found = [self._row(tensor, maps) for tensor in donated.values()]
        rows = tuple(replace(row, place=place) for row in found if row is not None)
        check_rows(rows, self.elaborated, donated, self.report)
        return self._sources(maps, rows), rows

    def _match(self, decl: SourceDecl, demanded: Sequence[TensorName]) -> NameMap:
        found = match_names(demanded, self.checkpoints[decl.label].tensors)
        donor = self.elaborated.export.donor
        if found.ambiguous:
            rules = " or ".join(found.ambiguous)
            self.report(
                Diagnostic(
                    "E404",
                    f"tensor names of `{decl.ref}` match those of `{donor}` in more than one way",
                    decl.span,
                    labels=(Label(self._decl(donor).span, "the output has its names"),),
                    notes=(f"each of these rules finds every tensor: {rules}",),
                    help=("rename the tensors of one source so that only one rule fits",),
                )
            )
        elif found.missing:
            self._report_missing(decl, found, len(demanded))
        return found

    def _report_missing(self, decl: SourceDecl, found: NameMap, demanded: int) -> None:
        shown = ", ".join(f"`{name}`" for name in found.missing[:_SHOWN])
        rest = len(found.missing) - _SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        donor = self._decl(self.elaborated.export.donor)
        self.report(
            Diagnostic(
                "E401",
                f"`{decl.ref}` lacks {len(found.missing)} of the {demanded} tensors that the "
                f"output needs",
                decl.span,
                f"lacks {shown}{more}",
                labels=(Label(donor.span, "the output has the tensors of this source"),)
                if donor.label != decl.label
                else (),
                notes=("the output has the tensors of the base, or of the first operand",),
                help=("put the source with the fewest tensors first, or merge matching models",),
            )
        )

    def _decl(self, label: str) -> SourceDecl:
        return next(decl for decl in self.elaborated.sources if decl.label == label)

    def _sources(self, maps: Mapping[str, NameMap], rows: Sequence[Row]) -> tuple[PlanSource, ...]:
        used = Counter(
            label for row in rows for label in (*row.labels, *(other for other, _ in row.equal))
        )
        found: list[PlanSource] = []
        for decl in self.elaborated.sources:
            checkpoint = self.checkpoints[decl.label]
            rule = maps[decl.label].rule if decl.label in maps else None
            unused = len(checkpoint.tensors) - used[decl.label]
            found.append(PlanSource(decl, checkpoint, rule, unused))
        return tuple(found)

    def _row(self, tensor: TensorEntry, maps: Mapping[str, NameMap]) -> Row | None:
        """The row of one of the donor's tensors; None where a source lacks it (reported)."""
        donor = self.elaborated.export.donor
        if _is_bookkeeping(tensor):
            return _copied(tensor, donor, tensor)
        entries: dict[str, TensorEntry] = {}
        for label, found in maps.items():
            if tensor.name not in found.names:
                return None
            entries[label] = self.checkpoints[label].tensors[found.names[tensor.name]]
        if tensor.dtype.is_integer:
            equal = tuple((k, e) for k, e in entries.items() if k != donor)
            return _copied(tensor, donor, tensor, equal)
        inputs = tuple(entries[label] for label in self.program.inputs)
        dtype = self.elaborated.export.dtype or tensor.dtype
        if self.program.calls:
            return self._merged(tensor, inputs, dtype)
        (label,), (entry,) = self.program.inputs, inputs  # the result is a source as it stands
        if entry.dtype == dtype:
            return _copied(tensor, label, entry)
        work = _work((entry.dtype, dtype))
        return Row(tensor.name, tensor.shape, dtype, "cast", (label,), (entry,), (), work, "P", 1)

    def _merged(self, tensor: TensorEntry, inputs: tuple[TensorEntry, ...], dtype: Dtype) -> Row:
        dtypes = tuple(entry.dtype for entry in inputs)
        work = _work((*dtypes, dtype))
        exactness, sweeps = self._costs(dtypes, work)
        return Row(
            tensor.name,
            tensor.shape,
            dtype,
            "merge",
            self.program.inputs,
            inputs,
            (),
            work,
            exactness,
            sweeps,
        )

    def _costs(self, dtypes: tuple[Dtype, ...], work: Dtype) -> tuple[Exactness, int]:
        """Exactness class and sweeps, found once for all tensors of the same dtypes."""
        known = self.costs.get((dtypes, work))
        if known is None:
            computable = all(dtype.is_float for dtype in dtypes)  # or it is reported, all at once
            exactness = self.program.exactness(dtypes, work) if computable else "M"
            known = self.costs[dtypes, work] = exactness, schedule(self.program, work).sweeps
        return known


def _copied(
    tensor: TensorEntry,
    label: str,
    entry: TensorEntry,
    equal: tuple[tuple[str, TensorEntry], ...] = (),
) -> Row:
    """The row of the output's `tensor` that takes its bytes from `label`'s `entry`."""
    dtype = entry.dtype
    return Row(tensor.name, tensor.shape, dtype, "copy", (label,), (entry,), equal, dtype, "P", 1)


def _is_bookkeeping(tensor: TensorEntry) -> bool:
    return tensor.dtype.is_integer and tensor.name.rsplit(".", 1)[-1] in _BOOKKEEPING


def _work(dtypes: Sequence[Dtype]) -> Dtype:
    """One precision above the widest of storage and output: f32 for 16 bits, else f64."""
    return Dtype.F64 if any(dtype in _WIDE for dtype in dtypes) else Dtype.F32
