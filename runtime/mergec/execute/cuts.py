"""What operators leave out of tensors, as `svd` does: how much of each, and of all together."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mergec.execute.sweep import Cut
from mergec.frozen import frozen
from mergec.plan.steps import Step


@frozen
class TensorCut:
    """What was left out of one tensor: squares of that part's norm and of the whole's.

    Of a tensor of which several parts were left out, the largest.
    """

    tensor: str
    lost: float
    whole: float

    @property
    def share(self) -> float:
        """The norm of what is left out, relative to the whole's; 0 for a tensor of zeros."""
        return share(self.lost, self.whole)


@frozen
class ExportCuts:
    """The cuts of one export, at least one."""

    export: str
    tensors: Sequence[TensorCut]

    @property
    def share(self) -> float:
        """Of all tensors together."""
        return share(
            math.fsum(each.lost for each in self.tensors),
            math.fsum(each.whole for each in self.tensors),
        )

    @property
    def worst(self) -> TensorCut:
        """The tensor that lost the largest share; the first of several."""
        return max(self.tensors, key=lambda each: each.share)

    def member(self) -> dict[str, Any]:
        """For lineage: to six digits, which are the same wherever a library computed them."""
        shares = {each.tensor: rounded(each.share) for each in self.tensors}
        return {"relative_error": rounded(self.share), "tensors": shares}


def rounded(value: float) -> float:
    """To six significant digits."""
    return float(f"{value:.6g}")


def share(lost: float, whole: float) -> float:
    """A relative error in the Frobenius norm."""
    return math.sqrt(lost / whole) if whole else 0.0


def served(step: Step, call: int) -> Iterator[tuple[int, str]]:
    """The numbers of the exports that use a call's result, with the tensor's name in each."""
    for output in step.outputs:
        if call in _below(step, step.program.results[output.result]):
            yield output.export, output.row.site


def tensor_cuts(found: Mapping[str, Sequence[Cut]]) -> tuple[TensorCut, ...]:
    """The largest cut of each tensor, by name."""
    largest = {
        name: max(cuts, key=lambda cut: share(cut.lost, cut.whole)) for name, cuts in found.items()
    }
    return tuple(TensorCut(name, cut.lost, cut.whole) for name, cut in sorted(largest.items()))


def _below(step: Step, value: int) -> set[int]:
    """The calls that a value is computed by."""
    count, seen, stack = len(step.program.inputs), set[int](), [value]
    while stack:
        number = stack.pop() - count
        if number >= 0 and number not in seen:
            seen.add(number)
            stack += step.program.calls[number].operands
    return seen
