"""Bind the normal form to checkpoint headers: one row for each output tensor, or all mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mergec.catalog import Checkpoint, Dtype, NameMap, TensorEntry, TensorName, match_names
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import Elaborated, SourceDecl
from mergec.elaborate.parameters import Report
from mergec.plan.check_rows import check_rows
from mergec.plan.model import Place, PlanSource, Row
from mergec.plan.program import Program, schedule

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

    def bind(self) -> tuple[tuple[PlanSource, ...], tuple[Row, ...]]:
        donor = self.elaborated.export.donor
        tensors = list(self.checkpoints[donor].tensors.values())
        pure = self._is_copy()
        demanded = [t.name for t in tensors if pure or not _is_bookkeeping(t)]
        maps = {
            decl.label: self._match(decl, demanded)
            for decl in self.elaborated.sources
            if decl.label in self.program.inputs
        }
        sources = tuple(
            self._source(decl, maps.get(decl.label)) for decl in self.elaborated.sources
        )
        place = Place(
            {decl.label: decl.span for decl in self.elaborated.sources},
            self.elaborated.export.span,
        )
        found = [self._row(tensor, maps) for tensor in tensors]
        rows = tuple(replace(row, place=place) for row in found if row is not None)
        check_rows(rows, self.elaborated, self.report)
        return sources, rows

    def _is_copy(self) -> bool:
        """Whether the result is a source as it stands."""
        return not self.program.calls

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

    def _source(self, decl: SourceDecl, found: NameMap | None) -> PlanSource:
        checkpoint = self.checkpoints[decl.label]
        used = len(found.names) if found else 0
        rule = found.rule if found else None
        return PlanSource(decl, checkpoint, rule, len(checkpoint.tensors) - used)

    def _row(self, tensor: TensorEntry, maps: Mapping[str, NameMap]) -> Row | None:
        """The row of one of the donor's tensors; None where a source lacks it (reported)."""
        if self._is_copy():
            label = self.program.inputs[0]
            name = maps[label].names.get(tensor.name)
            if name is None:
                return None
            return self._copied(tensor, label, self.checkpoints[label].tensors[name], ())
        donor = self.elaborated.export.donor
        if _is_bookkeeping(tensor):
            return self._copied(tensor, donor, tensor, ())
        entries: dict[str, TensorEntry] = {}
        for label, found in maps.items():
            if tensor.name not in found.names:
                return None
            entries[label] = self.checkpoints[label].tensors[found.names[tensor.name]]
        if tensor.dtype.is_integer:
            equal = tuple((k, e) for k, e in entries.items() if k != donor)
            return self._copied(tensor, donor, tensor, equal)
        inputs = tuple(entries[label] for label in self.program.inputs)
        return self._computed(tensor, inputs)

    def _copied(
        self,
        tensor: TensorEntry,
        label: str,
        entry: TensorEntry,
        equal: tuple[tuple[str, TensorEntry], ...],
    ) -> Row:
        wanted = self.elaborated.export.dtype
        if wanted in (None, entry.dtype) or not entry.dtype.is_float:
            return Row(
                tensor.name,
                entry.shape,
                entry.dtype,
                "copy",
                (label,),
                (entry,),
                equal,
                entry.dtype,
                "P",
                1,
            )
        assert wanted is not None
        work = _work((entry.dtype, wanted))
        return Row(
            tensor.name, entry.shape, wanted, "cast", (label,), (entry,), equal, work, "P", 1
        )

    def _computed(self, tensor: TensorEntry, inputs: tuple[TensorEntry, ...]) -> Row:
        dtype = self.elaborated.export.dtype or tensor.dtype
        dtypes = [entry.dtype for entry in inputs]
        work = _work((*dtypes, dtype))
        computable = all(kind.is_float for kind in dtypes)  # or it is reported, all at once
        exactness = self.program.exactness(dtypes, work) if computable else "M"
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
            schedule(self.program, work).sweeps,
        )


def _is_bookkeeping(tensor: TensorEntry) -> bool:
    return tensor.dtype.is_integer and tensor.name.rsplit(".", 1)[-1] in _BOOKKEEPING


def _work(dtypes: Sequence[Dtype]) -> Dtype:
    """One precision above the widest of storage and output: f32 for 16 bits, else f64."""
    return Dtype.F64 if any(dtype in _WIDE for dtype in dtypes) else Dtype.F32
