"""Test what operators claim: each law interpreted on whole specs, with Hypothesis.

`check_law(OPERATORS["trim"], law, backend)` returns if no counterexample is found and raises
LawViolation with a shrunk one otherwise. Needs the extra `verify`.
"""

from collections.abc import Callable, Mapping

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mergec.backends import Backend
from mergec.ops import Law, Operator
from mergec.verify import algebra_laws, selection_laws
from mergec.verify.law_case import Case, LawViolation

Interpreter = Callable[[Case], None]

INTERPRETERS: Mapping[str, Interpreter] = {
    "block_invariant": algebra_laws.block_invariant,
    "endpoints": algebra_laws.endpoints,
    "exact_election": selection_laws.exact_election,
    "idempotent": algebra_laws.idempotent,
    "idempotent_map": selection_laws.idempotent_map,
    "identity_at": algebra_laws.identity_at,
    "nested_masks": selection_laws.nested_masks,
    "odd": algebra_laws.odd,
    "permutation_invariant": algebra_laws.permutation_invariant,
    "reversal": algebra_laws.reversal,
    "scale_equivariant": algebra_laws.scale_equivariant,
    "single_operand_identity": algebra_laws.single_operand_identity,
    "support_count": selection_laws.support_count,
    "unbiased": selection_laws.unbiased,
    "untouched_keeps_base": selection_laws.untouched_keeps_base,
    "weight_scale_invariant": algebra_laws.weight_scale_invariant,
}

# These run on tensors of several blocks or thousands of entries: a few examples say as much.
_LONG = {"block_invariant": 2, "unbiased": 10}

__all__ = ["INTERPRETERS", "LawViolation", "check_law"]


def check_law(operator: Operator, law: Law, backend: Backend, *, shrink: bool = True) -> None:
    """Search for a counterexample to `law` among specs that call `operator` on `backend`.

    As many examples as Hypothesis is set to try; without `shrink` the first counterexample will do.
    KeyError for a law that nobody interprets.
    """
    interpret = INTERPRETERS[law.name]
    examples = min(_LONG.get(law.name, settings().max_examples), settings().max_examples)

    phases = [phase for phase in settings().phases if shrink or phase is Phase.generate]

    @settings(max_examples=examples, phases=phases)
    @given(data=st.data())
    def holds(data: st.DataObject) -> None:
        interpret(Case(operator, law, backend, data))

    holds()
