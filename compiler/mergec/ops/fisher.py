"""Average each entry with the weights that Fisher information gives it.

Formula    y = Σᵢ wᵢ F̃ᵢ xᵢ / Σᵢ wᵢ F̃ᵢ;  F̃ᵢ = max(Fᵢ, floor), or Fᵢ itself where it has no floor;
           normalize=l2: wᵢ / ‖Fᵢ‖ in the place of wᵢ, the norm over all tensors
Shapes     n × [*s] and n × [*s] Fisher tensors → [*s]; in float64, rounded to the work dtype
Parameters fishers: one source for each operand, which holds the diagonal of its Fisher information
           under the names of the tensors · weights: one number for each operand, ≥ 0 · floor: the
           least information · floor_on: all operands have that floor, or the first alone, whose
           values then stand where nobody has information · normalize: none, or l2, so that an
           operand does not count more for larger information in all tensors
Edge cases a negative value, or no information at all at an entry, or with l2 of an operand: E817 ·
           a tensor without Fisher values: E413 · equal Fisher tensors: the weighted mean · one
           operand: itself
Source     M. Matena, C. Raffel, "Merging models with Fisher-weighted averaging", 2021, equation 4,
           https://arxiv.org/abs/2111.09832. The authors' code floors the first model alone, before
           it divides by norms where that is asked for
Example    fisher([1, 2], [3, 4]; fishers=[[1, 3], [1, 1]]) is [2, 2.5]
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar, final

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import fail
from mergec.frozen import frozen
from mergec.ir import STATISTICS, GraphBuilder, NodeKey, Value
from mergec.ops.declaration import (
    REQUIRED,
    MassRule,
    Operator,
    Parameter,
    Statistic,
    barrier_params,
    numbers,
    some_weight,
)
from mergec.ops.fallback import weighted_mean
from mergec.ops.law import Law, equation
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer, rational, word
from mergec.ops.rounding import proportional, round_significand, significant_bits
from mergec.ops.stage import Cursor, Params, Site, Stage

# A float32 has as many: information and floor times a value then fit a float64 exactly.
_INFORMATION_BITS = 24
_WIDE_BITS = 53


@frozen
class Informed:
    """(operand index, weight, floor) of those that count, of how many, and for which tensor."""

    members: tuple[tuple[int, float, float], ...]
    count: int
    tensor: str


@final
class Fisher(Stage):
    """The stage of averages weighted entry by entry."""

    name: ClassVar[str] = "fisher"
    revision: ClassVar[int] = 1

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """Unless weight, information and value together fit a float64."""
        setting = self.prepare(params, Site("", (), work, tuple(stored)))
        for i, weight, _ in setting.members:
            kinds = stored[i] or work, stored[setting.count + i] or work
            value, information = (SIGNIFICAND_BITS[kind] for kind in kinds)
            own, bits = significant_bits(weight), value + max(information, _INFORMATION_BITS)
            # A power of two only shifts; any other weight may add all the bits that it has.
            if bits + (own if own > 1 else 0) > _WIDE_BITS:
                return True
        return False

    def prepare(self, params: Params, site: Site) -> Informed:
        """Weights as short numbers of the same ratios; a floor that times a value stays exact."""
        count = integer(params, STATISTICS)
        weights = proportional(numbers(params["weights"], count))
        floor = round_significand(rational(params, "floor"), _INFORMATION_BITS)
        everywhere = word(params, "floor_on", "all") == "all"
        members = tuple(
            (i, round_significand(weight, _WIDE_BITS), floor if everywhere or i == 0 else 0.0)
            for i, weight in enumerate(weights)
            if weight
        )
        return Informed(members, count, site.tensor)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Informed, cursor: Cursor
    ) -> Array:
        """One quotient. Raises E817 for negative information, and for none at all."""
        values, information = blocks[: setting.count], blocks[setting.count :]
        if any(xp.count(each < 0) for each in information):
            raise _negative(setting.tensor)
        first, *others = setting.members
        size = _weight(xp, information, first)
        total = size * xp.widen(values[first[0]])
        for member in others:
            weight = _weight(xp, information, member)
            total += weight * xp.widen(values[member[0]])
            size = size + weight  # and not into it: it may be a block of a source
        if xp.count(size == 0):
            raise _nothing_known(setting.tensor)
        return xp.narrow(total / size, values[0])


def _weight(
    xp: ArrayNamespace, information: Sequence[Array], member: tuple[int, float, float]
) -> Array:
    """wᵢ F̃ᵢ in float64."""
    i, weight, floor = member
    known = xp.widen(information[i])
    known = xp.where(known < floor, floor, known) if floor else known
    return known if weight == 1.0 else known * weight


def _negative(tensor: str) -> Exception:
    return fail(
        "E817",
        f"a Fisher tensor of `{tensor}` has negative values",
        notes=("Fisher information is a mean of squares, so it is never negative",),
        help="compute it as the mean of squared gradients, and store that",
    )


def _nothing_known(tensor: str) -> Exception:
    return fail(
        "E817",
        f"in `{tensor}` all Fisher values of some entry are 0",
        notes=("an average that nobody has a weight in is undefined",),
        help="write a floor above 0, as in `floor=1e-6`",
    )


def _lower(
    builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
) -> NodeKey:
    kept = (STATISTICS, "weights", "floor", "floor_on")
    weighing = {name: value for name, value in params.items() if name in kept}
    values = operands[: integer(params, STATISTICS)]
    kind = builder[values[0]].type
    if params["normalize"] == "none":
        return builder.add("fisher", operands, weighing, type=kind, revision=STAGE.revision)
    return builder.add("global_fisher", operands, {**weighing, **barrier_params(params)}, type=kind)


_LINEAR = "linear(a, b; weights=[1, 3])"

STAGE = Fisher()
OPERATOR = Operator(
    name="fisher",
    revision=STAGE.revision,
    mass=MassRule.SAME,
    operands=(1, None),
    parameters=(
        Parameter(
            "fishers", "sources", REQUIRED, "the source of each operand's Fisher information"
        ),
        Parameter(
            "weights",
            "number",
            Fraction(1),
            "one number for each operand",
            lo=Fraction(0),
            per_operand=True,
        ),
        Parameter("floor", "number", Fraction(1, 10**6), "the least information", lo=Fraction(0)),
        Parameter(
            "floor_on", "word", "all", "which operands have the floor", words=("all", "first")
        ),
        Parameter(
            "normalize",
            "word",
            "none",
            "what information is divided by",
            words=("none", "l2"),
        ),
    ),
    laws=(
        equation("fisher(a; fishers=[sa])", "a"),
        equation("fisher(a, a; fishers=[sa, sb], weights=[2, 3])", "a"),
        equation("fisher(a, b; fishers=[sa, sa], weights=[1, 3])", _LINEAR, tolerance=1e-6),
        equation("fisher(a, b, c; fishers=[sa, sb, sc], weights=[0, 1, 0])", "b"),
        equation(
            "fisher(a, b; fishers=[sa, sb], weights=[3, 1/2])",
            "fisher(b, a; fishers=[sb, sa], weights=[1, 6])",
        ),
        equation(
            "base + fisher(a - base, b - base; fishers=[sa, sb])",
            "fisher(a, b; fishers=[sa, sb])",
            tolerance=1e-6,
            on="tame",
        ),
        equation(
            "fisher(a, b; fishers=[sa, sb], floor=5)", "linear(a, b)", tolerance=1e-6, on="tame"
        ),
        equation(
            "fisher(a, b; fishers=[sa, sb], floor=100, floor_on=first)", "linear(a, b)", holds=False
        ),
        equation("fisher(a, b; fishers=[sa, sb])", "fisher(a, b; fishers=[sb, sa])", holds=False),
        equation("fisher(a, b; fishers=[sa, sb])", "linear(a, b)", holds=False),
        equation(
            "fisher(a, b; fishers=[sa, sa], weights=[1, 3], normalize=l2)", _LINEAR, tolerance=1e-6
        ),
        equation(
            "fisher(a, b; fishers=[sa, sb], normalize=l2)",
            "fisher(a, b; fishers=[sa, sb])",
            holds=False,
        ),
        Law("between_operands", tolerance=2.0**-23),
        Law("between_operands", {"normalize": "l2"}, tolerance=2.0**-23),
        Law(
            "each_statistic_is_relative",
            {"floor": Fraction(0), "normalize": "l2"},
            tolerance=2.0**-22,
        ),
        Law("each_statistic_is_relative", {"floor": Fraction(0)}, holds=False),
        Law("statistics_scale_invariant", {"floor": Fraction(0)}, tolerance=2.0**-22),
        Law("statistics_scale_invariant", {"floor": Fraction(1)}, holds=False),
        Law("statistics_move_along", tolerance=2.0**-22),
    ),
    page=__doc__ or "",
    lower=_lower,
    check=some_weight,
    is_global=lambda params: params["normalize"] == "l2",
    order_free=True,
    leads=lambda params: params["floor_on"] == "first",
    statistic=Statistic("importance", "Fisher tensor", needed=True),
    fallback=weighted_mean,
)
