"""Merge linear layers so that their outputs on the operands' own inputs change least.

Formula    Yᵀ = W̄ᵀ + (S + r·I)⁻¹ Σᵢ wᵢ G̃ᵢ (Wᵢ - W̄)ᵀ;  S = Σᵢ wᵢ G̃ᵢ;  G̃ᵢ = α·Gᵢ + (1 - α)·diag Gᵢ;
           W̄ = Σᵢ wᵢ Wᵢ / Σᵢ wᵢ;  r = ridge · tr S / in;  for r = 0 this is S⁻¹ Σᵢ wᵢ G̃ᵢ Wᵢᵀ
Shapes     n × [out, in] and n × [in, in] Gram matrices → [out, in]; in float64, class T
Parameters grams: one source for each operand, which holds Gᵢ = XᵢᵀXᵢ of the layer's inputs Xᵢ under
           the name of the layer's weight · alpha: factor of what is off the diagonal, in [0, 1] ·
           ridge: what is added to the diagonal, in units of its mean, ≥ 0 · weights: one number for
           each operand, ≥ 0
Edge cases no matrix, or no source has a Gram matrix: the weighted mean · some have one: E413 ·
           all Gram matrices zero and a ridge: the mean · S + r·I not positive definite, or a Gram
           matrix that is not symmetric: E817 · equal Gram matrices: the mean · one operand: itself
Source     X. Jin, X. Ren, D. Preotiuc-Pietro, P. Cheng, "Dataless knowledge fusion by merging
           weights of language models", 2022, section 3.2, https://arxiv.org/abs/2212.09849. Their
           code forms an inverse in float32; whether Gᵢ is a sum over tokens or a mean is its weight
Example    regmean([[1, 4]], [[3, 8]]; grams=[[[3, 0], [0, 1]], [[1, 0], [0, 1]]]) is [[1.5, 6]]
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, final

from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ir import STATISTICS
from mergec.ops.declaration import (
    REQUIRED,
    MassRule,
    Operator,
    Parameter,
    Shape,
    Statistic,
    numbers,
    some_weight,
)
from mergec.ops.fallback import weighted_mean
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer, rational
from mergec.ops.stage import Cursor, Params, Site, WholeTensorStage

# How much a matrix and its transpose may differ, in units of the largest magnitude: one that was
# summed in a narrow dtype is symmetric to the bit or nearly so, anything else is no Gram matrix.
_ASYMMETRY = 1e-3
# Matrices [in, in] that are held at once: two of a source, S, its factor, a mask, a product.
_SQUARES = 8


@frozen
class Regression:
    """Weights that sum to 1, and the parameters as they are used."""

    weights: tuple[float, ...]
    alpha: float
    ridge: float
    columns: int
    tensor: str


@final
class RegMean(WholeTensorStage):
    """The stage of regression means, over whole matrices."""

    name: ClassVar[str] = "regmean"
    revision: ClassVar[int] = 1
    approximate: ClassVar[bool] = True

    def workspace(self, params: Params, shape: Shape) -> int:
        """Float64 matrices as large as a Gram matrix."""
        return _SQUARES * shape[-1] ** 2 * 8

    def prepare(self, params: Params, site: Site) -> Regression:
        """Host scalars."""
        weights = numbers(params["weights"], integer(params, STATISTICS))
        total = sum(weights, Fraction(0))
        return Regression(
            tuple(float(weight / total) for weight in weights),
            float(rational(params, "alpha")),
            float(rational(params, "ridge")),
            site.row,
            site.tensor,
        )

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Regression, cursor: Cursor
    ) -> Array:
        """The matrix that Cholesky's factorisation gives. Raises E817 if there is none."""
        count, n = len(setting.weights), setting.columns
        layers = [xp.widen(block) for block in blocks[:count]]
        mean = _mean(xp, layers, setting.weights)
        square, moved = xp.tile(xp.floats([0.0]), n * n), xp.matrix(mean - mean, n)
        diagonal = xp.spread(xp.iota(n), n) == xp.tile(xp.iota(n), n)
        for layer, block, weight in zip(layers, blocks[count:], setting.weights, strict=True):
            gram = xp.widen(block)
            _require_symmetric(xp, gram, setting)
            weighed = xp.where(diagonal, gram * weight, gram * (setting.alpha * weight))
            moved = moved + xp.matrix(layer - mean, n) @ xp.matrix(weighed, n)
            square = square + weighed
        trace = sum(xp.host(xp.take(square, xp.integers([i * (n + 1) for i in range(n)]))))
        if trace == 0.0 and setting.ridge:
            return xp.narrow(mean, blocks[0])
        ridge = setting.ridge * trace / n
        square = xp.where(diagonal, square + ridge, square)
        shift = xp.flat(xp.solve(xp.matrix(square, n), moved.T).T)
        if xp.count(shift == shift) < len(shift):
            raise _singular(setting.tensor)
        return xp.narrow(_moved(xp, mean, shift), blocks[0])


def _mean(xp: ArrayNamespace, layers: Sequence[Array], weights: Sequence[float]) -> Array:
    """By distances from the first, so that equal layers have exactly themselves as their mean."""
    first, *others = layers
    shift = first - first
    for layer, weight in zip(others, weights[1:], strict=True):
        shift = shift + (layer - first) * weight
    return _moved(xp, first, shift)


def _moved(xp: ArrayNamespace, x: Array, shift: Array) -> Array:
    """The sum, where -0 stays what it is if it is not moved."""
    return xp.where(shift == 0, x, x + shift)


def _require_symmetric(xp: ArrayNamespace, gram: Array, setting: Regression) -> None:
    turned = xp.flat(xp.matrix(gram, setting.columns).T)
    largest = max(xp.host(xp.row_max(xp.abs(gram), len(gram))), default=0.0)
    if xp.count(xp.abs(gram - turned) > _ASYMMETRY * largest):
        raise fail(
            "E817",
            f"a Gram matrix of `{setting.tensor}` is not symmetric",
            notes=("a Gram matrix is XᵀX for the inputs X of the layer",),
            help="store XᵀX, accumulated in float32 or wider, under the name of the layer's weight",
        )


def _singular(tensor: str) -> Exception:
    return fail(
        "E817",
        f"the Gram matrices of `{tensor}` do not determine its merge",
        notes=(
            "their sum is not positive definite: some input never occurs, or is a sum of others",
        ),
        help="write a larger ridge, as in `ridge=1e-6`, or collect more inputs",
    )


def _is_linear(shape: Shape) -> bool:
    return len(shape) == 2


_TAME = "tame matrix"

STAGE = RegMean()
OPERATOR = Operator(
    name="regmean",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        Parameter("grams", "sources", REQUIRED, "the source of each operand's Gram matrices"),
        Parameter(
            "weights",
            "number",
            Fraction(1),
            "one number for each operand",
            lo=Fraction(0),
            per_operand=True,
        ),
        Parameter(
            "alpha",
            "number",
            Fraction(9, 10),
            "factor of what is off the diagonal",
            lo=Fraction(0),
            hi=Fraction(1),
        ),
        Parameter(
            "ridge",
            "number",
            Fraction(1, 10**8),
            "added to the diagonal, in units of its mean",
            lo=Fraction(0),
        ),
    ),
    laws=(
        equation("regmean(a; grams=[sa])", "a", on="dyadic matrix"),
        equation("regmean(a, a; grams=[sa, sb], weights=[2, 3])", "a", on="adversarial matrix"),
        equation("regmean(a, b; grams=[sa, sa])", "linear(a, b)", tolerance=1e-6, on=_TAME),
        equation("regmean(a, b; grams=[sa, sb])", "linear(a, b)", on="dyadic vector"),
        equation("regmean(a, b; grams=[sa, sb], weights=[1, 0])", "a", on="dyadic matrix"),
        equation(
            "regmean(a, b; grams=[sa, sb], weights=[3, 1/2], alpha=1)",
            "regmean(b, a; grams=[sb, sa], weights=[1, 6], alpha=1)",
            tolerance=1e-6,
            on=_TAME,
        ),
        equation(
            "base + regmean(a - base, b - base; grams=[sa, sb])",
            "regmean(a, b; grams=[sa, sb])",
            tolerance=1e-5,
            on=_TAME,
        ),
        equation("linear(a, b)", "regmean(a, b; grams=[sa, sb])", holds=False, on="dyadic matrix"),
        equation(
            "regmean(a, b; grams=[sa, sb], alpha=0)",
            "regmean(a, b; grams=[sa, sb], alpha=1)",
            holds=False,
            on="dyadic matrix",
        ),
        Law("between_operands", {"alpha": Fraction(0)}, tolerance=1e-6),
        Law("between_operands", {"alpha": Fraction(1)}, holds=False, tolerance=1e-6),
        Law("statistics_scale_invariant", tolerance=1e-6),
        Law("statistics_move_along", tolerance=1e-6),
    ),
    page=__doc__ or "",
    check=some_weight,
    order_free=True,
    statistic=Statistic("gram", "Gram matrix", needed=False),
    suits=_is_linear,
    fallback=weighted_mean,
)
