"""Add task vectors by how far each column of a model moved, in length and in direction.

Formula    y = base + Σᵢ σᵢ ⊙ δᵢ, with a weight σᵢ for each column: the mean of two scores, one by
           the change of the column's norm and one by that of its direction; a score is the softmax
           over the models of the column's rank/c among the c columns, or value where the rank is
           above ratio times the mean rank
Shapes     base [*s], n × [*s] → [*s]; a matrix is (out, in), all axes before the last together out
Parameters ratio: from which multiple of its mean a rank counts in full, ≥ 0 · value: the score it
           then has · axis: along which norms are taken: out, a weight for each column (input);
           in, a weight for each row, as is wanted of embeddings, which stand transposed
Edge cases it needs a base · a vector has a weight for each entry, by |δᵢ| instead of ranks, so that
           its scale matters · weights do not sum to 1: n models alike in a column add up to n·δ
           where both ranks are high · a column of zeros has not turned · one model and value=1:
           that model · an entry that no source moves keeps the base's bits
Source     Yu, Yu, Yu, Huang, Li, Extend Model Merging from Fine-Tuned to Pre-Trained Large Language
           Models via Weight Disentanglement (2024), arXiv:2408.03092, section 3, with their code's
           ranks and unnormalised scores
Example    widen([1, 1, 1, 1], [3, 1, 1, 1]; ratio=1, value=0.5) is [2, 1, 1, 1]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.ir import DELTA, MODEL, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import MassRule, Operator, Parameter
from mergec.ops.law import Law, equation


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    weighing = {name: params[name] for name in ("ratio", "value", "axis")}
    merged = builder.add("weigh_columns", operands, weighing, type=DELTA)
    parts = (Fraction(1), Fraction(1))
    return builder.add("affine", [operands[0], merged], {"coefficients": parts}, type=MODEL)


OPERATOR = Operator(
    name="widen",
    revision=1,
    mass=MassRule.CONSENSUS,
    operands=(1, None),
    parameters=(
        Parameter(
            "ratio",
            "number",
            Fraction(1),
            "from which multiple of the mean a change counts in full",
            lo=Fraction(0),
        ),
        Parameter("value", "number", Fraction(1), "the score of a change that counts in full"),
        Parameter("axis", "word", "out", "along which norms are taken", words=("out", "in")),
    ),
    laws=(
        equation("widen(base, a)", "ties(base, a; density=1)"),
        equation("widen(base, base, base)", "base", on="adversarial"),
        Law("matrix_scale_equivariant"),
        Law("matrix_scale_equivariant", {"axis": "in"}),
        Law("scale_equivariant", holds=False),
        Law("exchangeable"),
        Law("exchangeable", {"axis": "in", "value": Fraction(1, 2)}),
    ),
    page=__doc__ or "",
    lower=_lower,
    order_free=True,
    needs_base=True,
)
