"""Prune each task vector to n of every m entries, around what those before it took, and add.

Formula    τᵢ = the n largest |δᵢ| of every m neighbouring entries that no earlier τ holds;
           y = base + Σᵢ wᵢ τᵢ
Shapes     a base and n × [*s] deltas → [*s] model; deltas alone → [*s] delta; blocks of m are
           counted along the flat tensor
Parameters n, m: integers, 1 ≤ n ≤ m, required · weights: one number a delta
Edge cases the order of operands is their right of choice · where n times the number of deltas is
           more than m, later ones get what is left · equal magnitudes by the lowest index · a last,
           shorter block keeps min(n, its length) · zeros take nothing · an entry that nobody takes
           keeps the base's bits
Source     Yang et al., CABS (2025), arXiv:2503.01874. Their code drops the last, shorter block, and
           for large models lets later deltas overlap where too little is left
Example    cabs([1, 1, 1], [5, 2, 1], [6, 4, 3]; n=1, m=3) is [5, 4, 1]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, MODEL, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import (
    REQUIRED,
    MassRule,
    Objection,
    Operator,
    Parameter,
    number,
    numbers,
)
from mergec.ops.law import Law, equation
from mergec.ops.merged_delta import part


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    parted = part(builder, operands)
    share = {"n": params["n"], "m": params["m"]}
    taken: list[NodeKey] = []
    for delta in parted.deltas:
        taken.append(builder.add("n_of_m", [delta, *taken], share, type=DELTA))
    parts = (*(Fraction(1) for _ in parted.base), *numbers(params["weights"], len(taken)))
    result = MODEL if parted.base else DELTA
    return builder.add("affine", [*parted.base, *taken], {"coefficients": parts}, type=result)


def _check(params: Mapping[str, Value]) -> Objection | None:
    n, m = number(params["n"]), number(params["m"])
    if n <= m:
        return None
    return Objection(
        "E216",
        "n",
        f"`n={n}` of every `m={m}` entries cannot be kept",
        f"write an `n` of at most {m}; to keep all entries write `n={m}`",
    )


def _count(name: str, doc: str) -> Parameter:
    return Parameter(name, "int", REQUIRED, doc, lo=Fraction(1))


OPERATOR = Operator(
    name="cabs",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        _count("n", "entries that each delta keeps of a block"),
        _count("m", "entries of a block"),
        Parameter("weights", "number", Fraction(1), "one number for each delta", per_operand=True),
    ),
    laws=(
        Law("n_of_every_m", {"n": 2, "m": 5}),
        Law("disjoint_supports", {"n": 1, "m": 3}),
        equation("cabs(base, a; n=3, m=3)", "ties(base, a; density=1)", on="adversarial"),
        equation(
            "cabs(a - base, b - base; n=1, m=3)",
            "cabs(b - base, a - base; n=1, m=3)",
            holds=False,
        ),
        Law("odd", {"n": 2, "m": 4}),
        Law("scale_equivariant", {"n": 1, "m": 4}),
        Law("untouched_keeps_base", {"n": 1, "m": 4}),
        Law("translation_equivariant", {"n": 2, "m": 3}),
        Law("block_invariant", {"n": 2, "m": 7}),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=_check,
)
