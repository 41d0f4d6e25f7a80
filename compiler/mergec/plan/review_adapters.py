"""What a reviewer is told of an adapter: ranks and scales, what it replaces and leaves out."""

from collections.abc import Iterable
from fractions import Fraction

from mergec.catalog import Checkpoint, TensorName
from mergec.catalog.adapter import Dora, Factors, Replacement
from mergec.catalog.quoted import counted
from mergec.diagnostics.printable import escape
from mergec.ir import print_decimal
from mergec.plan.model import PlannedExport

_LONGEST = 12
_NAMED = 4


def adapter_note(checkpoint: Checkpoint) -> str:
    """Such as `adapter of rank 8, scale 2, changes 14 tensors, replaces 1`."""
    assert checkpoint.adapter is not None
    parts = checkpoint.adapter.parts.values()
    doras = [part.factors for part in parts if isinstance(part, Dora)]
    factors = [*doras, *(part for part in parts if isinstance(part, Factors))]
    replaced = sum(isinstance(part, Replacement) for part in parts)
    said = [f"changes {len(parts) - replaced} tensors"] if len(parts) > replaced else []
    said += [f"replaces {replaced}"] if replaced else []
    if factors:
        ranks = [checkpoint.tensors[TensorName(part.a)].shape[0] for part in factors]
        scales = [part.scale for part in factors]
        said[:0] = [f"rank {_span(ranks)}", f"scale {_span(scales)}"]
    return f"{'DoRA' if doras else 'adapter'}: {', '.join(said)}"


def dropped_note(export: PlannedExport) -> str:
    """Such as `leaves out the changes of 2 tensors: norm.weight, head.bias`."""
    count = counted(len(export.dropped), "tensor")
    names = escape(", ".join(export.dropped[:_NAMED]))
    more = f" and {len(export.dropped) - _NAMED} more" if len(export.dropped) > _NAMED else ""
    return f"leaves out the changes of {count}: {names}{more}"


def _span(values: Iterable[int | Fraction]) -> str:
    """One number, or the least and the largest."""
    known = sorted(set(values))
    ends = known if len(known) == 1 else [known[0], known[-1]]
    return " to ".join(map(_shown, ends))


def _shown(value: int | Fraction) -> str:
    exact = print_decimal(Fraction(value))
    return exact if len(exact) <= _LONGEST else f"about {float(value):.6g}"
