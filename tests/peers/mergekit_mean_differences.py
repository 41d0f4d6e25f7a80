"""Where averages of mergekit and mergec are different things, each with both sides' results."""

from collections.abc import Mapping
from math import cos, inf, nan, pi, sin, sqrt

from tests.peers.case import Case, Difference, Numbers, Row, Study, mergekit

TWO = "base a b"
SMALL = {"base": (0.0, 0.0, 0.0), "a": (3.0, 4.0, 1.0), "b": (4.0, 3.0, 1.0)}


def scaled(tensors: Mapping[str, Row], factor: float) -> dict[str, Numbers]:
    """The same tensors in another unit."""
    return {label: tuple(factor * x for x in row) for label, row in tensors.items()}


def at_angle(angle: float) -> dict[str, Numbers]:
    """Two unit vectors."""
    return {"a": (1.0, 0.0), "b": (cos(angle), sin(angle))}


AVERAGES = (
    Difference(
        "linear",
        mergekit("linear", "a b", weight=[1, -1]),
        "weights that sum to zero are a division by zero there, an error of the spec here",
        {"a": (1.0, 4.0), "b": (3.0, 2.0)},
        (-inf, inf),
        "linear(a, b; weights=[1, -1])",
        "E211",
    ),
    Difference(
        "linear",
        mergekit("task_arithmetic", TWO, base="base", weight=[1, -1], normalize=True),
        "task vectors whose weights sum to zero are divided by 1 there",
        {"base": (0.0, 0.0), "a": (1.0, 2.0), "b": (3.0, 1.0)},
        (-2.0, 1.0),
        "base + linear(a - base, b - base; weights=[1, -1])",
        "E211",
        "base + linear(a - base, b - base; weights=[1, -1], normalize=false)",
    ),
    Difference(
        "linear",
        mergekit("linear", "a b", weight=1),
        "NaN passes there; here the run stops and names the tensor",
        {"a": (1.0, nan, 3.0), "b": (1.0, 2.0, 2.0)},
        (1.0, nan, 2.5),
        "linear(a, b)",
        "E805",
    ),
    Difference(
        "linear",
        mergekit("linear", "a b", weight=[1, 0]),
        "an operand of weight 0 is multiplied there, and not read here",
        {"a": (1.0, 2.0), "b": (1.0, inf)},
        (1.0, nan),
        "linear(a, b; weights=[1, 0])",
        (1.0, 2.0),
    ),
    Difference(
        "linear",
        mergekit("task_arithmetic", "base a", base="base", dtype="bfloat16", weight=1),
        "task vectors are rounded to the stored dtype there, so a weight of 1 does not give the "
        "model back",
        {"base": (3.0,), "a": (0.010009765625,)},
        (0.015625,),
        "base + 1*(a - base)",
        (0.010009765625,),
    ),
    Difference(
        "linear",
        mergekit("task_arithmetic", "base a", base="base", dtype="bfloat16", weight=0.7),
        "weights are rounded to the stored dtype there: 0.7 is 0.69921875 in bf16",
        {"base": (0.0,), "a": (13.0,)},
        (9.0625,),
        "base + 0.7*(a - base)",
        (9.125,),
    ),
    Difference(
        "model_stock",
        mergekit("model_stock", TWO, base="base"),
        "a product of norms counts as at least 1e-6 there, so small task vectors stay at the base",
        scaled(SMALL, 1e-5),
        (1.74564e-7, 1.74564e-7, 4.98752e-8),
        "model_stock(base, a, b)",
        (3.431373e-5, 3.431373e-5, 9.803922e-6),
        "model_stock(base, a, b; dialect=mergekit)",
    ),
    Difference(
        "model_stock",
        mergekit("model_stock", TWO, base="base"),
        "a negative mean cosine moves away from the models there, and not at all here",
        {"base": (0.0, 0.0), "a": (3.0, 1.0), "b": (-1.0, 1.0)},
        (-1.618034, -1.618034),
        "model_stock(base, a, b)",
        (0.0, 0.0),
        "model_stock(base, a, b; dialect=mergekit)",
    ),
    Difference(
        "model_stock",
        mergekit("model_stock", TWO, base="base"),
        "opposite task vectors give the base there and here, but not where the guard is off",
        {"base": (1.0, 1.0), "a": (2.0, 3.0), "b": (0.0, -1.0)},
        (1.0, 1.0),
        "model_stock(base, a, b; guard=none)",
        "E817",
        "model_stock(base, a, b; dialect=mergekit)",
    ),
    Difference(
        "model_stock",
        mergekit("model_stock", "base a b c", base="base"),
        "a zero task vector is at a right angle to all others there, at none here",
        {"base": (0.0, 0.0), "a": (2.0, 3.0), "b": (2.0, 2.0), "c": (0.0, 0.0)},
        (0.7906058, 0.9882572),
        "model_stock(base, a, b, c; guard=none)",
        (1.3245894, 1.6557367),
        "model_stock(base, a, b, c; dialect=mergekit)",
    ),
    Difference(
        "nearswap",
        mergekit("nearswap", "a b", base="a", t=2e-7),
        "differences count as at least 1e-6 there, so that a smaller limit is not reached",
        {"a": (0.0, 0.0), "b": (5e-7, 2e-6)},
        (1e-7, 2e-7),
        "nearswap(a, b; limit=0.0000002)",
        (2e-7, 2e-7),
    ),
    Study(
        "quantiles_of_a_sample",
        "arcee_fusion",
        "mergekit",
        "arcee_fusion()",
        "above 10⁶ entries the threshold is that of a sample drawn without a seed",
        "differs from run to run",
        "exact quantiles",
    ),
)

ARCS = (
    Difference(
        "slerp",
        mergekit("slerp", "a b", base="a", t=0.5),
        "opposite directions are interpolated linearly there, and an error here unless asked for",
        {"a": (1.0, 2.0), "b": (-2.0, -4.0)},
        (-0.5, -1.0),
        "slerp(a, b; t=0.5)",
        "E808",
        "slerp(a, b; t=0.5, dialect=mergekit)",
    ),
    Difference(
        "slerp",
        mergekit("slerp", "a b", base="a", t=0.5),
        "nearly opposite directions (cosine below -0.9995) nearly cancel there",
        at_angle(3.12),
        (0.0001166, 0.0107955),
        "slerp(a, b; t=0.5)",
        (0.0107962, 0.9999417),
        "slerp(a, b; t=0.5, dialect=mergekit)",
    ),
    Difference(
        "slerp",
        mergekit("slerp", "a b", base="a", t=0.5),
        "directions closer than 1.8° (cosine above 0.9995) are interpolated linearly there",
        at_angle(0.03),
        (0.9997750, 0.0149978),
        "slerp(a, b; t=0.5)",
        (0.9998875, 0.0149994),
        "slerp(a, b; t=0.5, dialect=mergekit)",
    ),
    Difference(
        "slerp",
        mergekit("slerp", "a b", base="a", t=0.5),
        "a zero tensor is at a right angle to the other there, without direction here",
        {"a": (1.0, 2.0), "b": (0.0, 0.0)},
        (sqrt(0.5), sqrt(2.0)),
        "slerp(a, b; t=0.5)",
        (0.5, 1.0),
        "slerp(a, b; t=0.5, dialect=mergekit)",
    ),
    Difference(
        "slerp",
        mergekit("slerp", "a b", base="a", t=0.5),
        "one NaN makes the whole tensor NaN there; here the run stops and names the tensor",
        {"a": (1.0, nan, 3.0), "b": (1.0, 2.0, 2.0)},
        (nan, nan, nan),
        "slerp(a, b; t=0.5)",
        "E805",
    ),
    Difference(
        "nuslerp",
        mergekit("nuslerp", "a b", weight=[1, -1]),
        "weights that sum to zero mean the middle there",
        {"a": (3.0, 0.0), "b": (0.0, 4.0)},
        (2.1213203, 2.8284271),
        "nuslerp(a, b; weights=[1, -1])",
        "E211",
        "nuslerp(a, b; weights=[1, -1], dialect=mergekit)",
    ),
    Difference(
        "nuslerp",
        mergekit("nuslerp", "a b", weight=1),
        "a zero tensor is at a right angle to the other there, without direction here",
        {"a": (1.0, 2.0), "b": (0.0, 0.0)},
        (sqrt(0.5), sqrt(2.0)),
        "nuslerp(a, b)",
        (0.5, 1.0),
        "nuslerp(a, b; dialect=mergekit)",
    ),
    Difference(
        "nuslerp",
        mergekit("nuslerp", "a b", weight=1, nuslerp_flatten=False, nuslerp_row_wise=True),
        "of three axes the first alone makes a column there, all but the last here",
        {
            "a": (((3.0, 0.0), (1.0, 1.0)), ((0.0, 1.0), (2.0, 0.0))),
            "b": (((0.0, 4.0), (1.0, -1.0)), ((1.0, 0.0), (0.0, 3.0))),
        },
        (
            ((2.1213202, 2.8284271), (1.1755705, 0.0)),
            ((0.7071068, 0.7071068), (1.1755705, 2.5653729)),
        ),
        "nuslerp(a, b; axis=out)",
        (
            ((1.9454433, 3.0476246), (1.2969621, 0.0)),
            ((0.6484811, 0.7619061), (1.2969621, 2.2857184)),
        ),
    ),
    Study(
        "opposite_directions",
        "nuslerp",
        "mergekit",
        "nuslerp(weight=1)",
        "of opposite `v` and `-2v` the middle depends on how their cosine was rounded",
        "-0.5·v to -2895·v",
        "E808",
    ),
    Study(
        "ends_of_the_arc",
        "nuslerp",
        "mergekit",
        "nuslerp(weight=[1, 0])",
        "with all weight on one operand some entries are not that operand's",
        "rounded again",
        "the operand, bit for bit",
    ),
    Difference(
        "nlerp",
        mergekit("multislerp", "a b", weight=1),
        "two directions that cancel are interpolated linearly there",
        {"a": (1.0, 2.0), "b": (-1.0, -2.0)},
        (0.0, 0.0),
        "nlerp(a, b)",
        "E817",
        "nlerp(a, b; dialect=mergekit)",
    ),
    Difference(
        "nlerp",
        mergekit("multislerp", "a b", weight=1, normalize_weights=False),
        "weights left as they are multiply the length there, and only their ratios count here",
        {"base": (0.0, 0.0), "a": (3.0, 0.0), "b": (0.0, 4.0)},
        (4.949747, 4.949747),
        "nlerp(a - base, b - base)",
        (2.4748737, 2.4748737),
        "2*nlerp(a - base, b - base)",
    ),
    Difference(
        "karcher",
        mergekit("karcher", "a b"),
        "of opposite operands the first gives the direction there",
        {"a": (1.0, 2.0), "b": (-1.0, -2.0)},
        (1.0, 2.0),
        "karcher(a, b)",
        "E817",
        "karcher(a, b; tol=0.00001, dialect=mergekit)",
    ),
    Difference(
        "karcher",
        mergekit("karcher", "a b"),
        "tensors of norms up to its `tol` of 1e-5 become zero there",
        {"a": (3e-6, 4e-6), "b": (5e-6, 0.0)},
        (0.0, 0.0),
        "karcher(a, b)",
        (4.472136e-6, 2.236068e-6),
        "karcher(a, b; tol=0.00001, dialect=mergekit)",
    ),
    Difference(
        "karcher",
        mergekit("karcher", "base a b", base="base"),
        "the base is one of the operands there",
        {"base": (1.0, 0.0), "a": (0.0, 1.0), "b": (0.0, 1.0)},
        (cos(pi / 3), sin(pi / 3)),
        "karcher(a, b)",
        (0.0, 1.0),
        "karcher(base, a, b)",
    ),
)

ROWS: tuple[Case, ...] = (*AVERAGES, *ARCS)
