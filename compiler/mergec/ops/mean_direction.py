"""What the means on a sphere share: weights, the mean of directions, the terms of the result.

Every result is `Σᵢ cᵢ·xᵢ` of length `Σᵢ ŵᵢ·‖xᵢ‖`; the methods differ in its direction, which is
given as coefficients of the unit vectors.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen
from mergec.ir import Value
from mergec.ops.affine import Terms, round_terms
from mergec.ops.declaration import Objection, Parameter, numbers
from mergec.ops.gram import Gram
from mergec.ops.rounding import product_is_exact
from mergec.ops.stage import Params, Site
from mergec.ops.tree_sum import finite

# A mean of unit vectors that is shorter than this points where rounding errors point.
_CANCELLED = 1e-6

WEIGHTS = Parameter(
    "weights",
    "number",
    Fraction(1),
    "one number for each operand",
    lo=Fraction(0),
    per_operand=True,
)


@frozen
class Directions:
    """The exact share of each operand in the average, and the terms of the result.

    `margin` is added to norms before directions are averaged.
    """

    shares: tuple[Fraction, ...]
    site: Site
    terms: Terms
    margin: float = 0.0

    def nowhere(self) -> "Directions":
        """With terms that give zeros."""
        return replace(self, terms=Terms((), ()))

    def pointing(self, gram: Gram) -> tuple[float, ...]:
        """The share of each operand that has a direction; 0 for a zero tensor."""
        pairs = zip(self.shares, gram.norms, strict=True)
        margin = self.margin
        return tuple(
            float(share) * (norm / (norm + margin)) if norm else 0.0 for share, norm in pairs
        )


def start(params: Params, site: Site) -> Directions:
    """The terms of the weighted average, for tensors without a direction."""
    exact = numbers(params["weights"], len(site.stored))
    shares = tuple(weight / sum(exact, Fraction(0)) for weight in exact)
    return Directions(shares, site, round_terms(shares, site))


def check_weights(params: Mapping[str, Value]) -> Objection | None:
    """The objection to weights that are all zero."""
    if any(numbers(params["weights"], 1)):
        return None
    return Objection(
        "E211",
        "weights",
        "these `weights` sum to 0, so they cannot be normalised",
        "give at least one model a weight above 0",
    )


def is_contractible(stored: Sequence[Dtype | None], work: Dtype) -> bool:
    """Whether coefficients that come from the data meet an operand whose product must round."""
    return not all(product_is_exact(Fraction(1, 3), work, kind) for kind in stored)


def mean_direction(gram: Gram, shares: Sequence[float]) -> tuple[float, ...] | None:
    """The direction of Σᵢ shareᵢ·uᵢ, as coefficients of the unit vectors uᵢ; None if they cancel.

    >>> mean_direction(Gram(((9.0, 0.0), (0.0, 16.0))), (0.3, 0.4))
    (0.6, 0.8)
    """
    members = [i for i, share in enumerate(shares) if share]
    square = math.fsum(shares[i] * shares[j] * gram.cosine(i, j) for i in members for j in members)
    length = math.sqrt(max(square, 0.0))
    if length < _CANCELLED * math.fsum(shares):
        return None
    return tuple(share / length for share in shares)


def along(setting: Directions, gram: Gram, direction: Sequence[float]) -> Directions:
    """The terms of the tensor of the averaged length in a direction (of the unit vectors)."""
    what = f"a coefficient of `{setting.site.tensor}`"
    pairs = zip(setting.shares, gram.norms, strict=True)
    length = math.fsum(float(share) * norm for share, norm in pairs)
    exact = [
        Fraction(finite(part * (length / norm), what)) if norm else Fraction(0)
        for part, norm in zip(direction, gram.norms, strict=True)
    ]
    return replace(setting, terms=round_terms(exact, setting.site))
