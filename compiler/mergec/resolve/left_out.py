"""Tensors that a later arm of a `match` offers and the output does not have."""

from mergec.catalog import TensorName, match_names
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated
from mergec.elaborate.parameters import Report
from mergec.ir import Node, TensorSelector
from mergec.ir.selector import selects
from mergec.resolve.key_set import KeySet
from mergec.resolve.key_sets import KeySets

_SHOWN = 3


def warn_of_left_out(elaborated: Elaborated, keys: KeySets, report: Report) -> None:
    """W402 for each arm of a `match` of models that would give tensors which the first arm lacks.

    A `match` has the tensors of its first arm; what another arm fits and only its own value has is
    in no output. Names that differ by a prefix are the same.
    """
    for node in elaborated.graph.nodes():
        if node.op != "match":
            continue
        whole = [TensorName(name) for name in keys.of(node.key).origins]
        spans = elaborated.places.arms.get(node.key, ())
        for number, operand in enumerate(node.operands[1:], 1):
            offered = _offered(node, number, keys.of(operand))
            missing = match_names(offered, whole).missing
            if missing:
                span = spans[number] if number < len(spans) else None
                names = ", ".join(f"`{name}`" for name in missing[:_SHOWN])
                more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
                message = f"{len(missing)} tensors that fit this arm are left out"
                if len(missing) == 1:
                    message = "a tensor that fits this arm is left out"
                notes = (f"the value of the first arm does not have {names}{more}",)
                hint = "put the arm first whose value has all tensors that you want"
                report(Diagnostic("W402", message, span, notes=notes, help=(hint,)))


def _offered(node: Node, number: int, arm: KeySet) -> list[TensorName]:
    """The tensors of an arm's own value for which it is the first arm that fits."""
    selectors = node.param("selectors")
    assert isinstance(selectors, tuple)
    found: list[TensorName] = []
    for name in arm.origins:
        at = arm.position(name)
        fitting = next(
            (
                i
                for i, selector in enumerate(selectors)
                if selector is None
                or (isinstance(selector, TensorSelector) and selects(selector, at))
            ),
            None,
        )
        if fitting == number:
            found.append(TensorName(name))
    return found
