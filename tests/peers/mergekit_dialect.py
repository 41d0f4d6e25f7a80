"""Every macro of `std:mergekit` beside the method of its name, and where the two still part."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.peers.case import Call

TASK = ("base", "a", "b", "c")


@dataclass(frozen=True, slots=True)
class Macro:
    """A call of a method, and of the macro of its name, that are to give the same.

    parts: by the name of an input on which they do not, why.
    """

    call: Call
    ours: str
    parts: Mapping[str, str] = field(default_factory=dict[str, str])


def _method(
    method: str,
    ours: str,
    operands: tuple[str, ...] = TASK,
    base: str = "base",
    parts: Mapping[str, str] | None = None,
    **settings: object,
) -> Macro:
    named = {name.removesuffix("_"): value for name, value in settings.items()}
    call = Call("mergekit", method, operands, named, base)
    return Macro(call, ours if "mk." in ours else f"mk.{ours}", parts or {})


_THREE = "base, a, b, c"
_TWO = ("base", "a", "b")
_ONE = ("base", "a")
_MIXED = [1.0, 2.0, -0.5]
_SIGNED = "weights=[1, 2, -0.5]"
_DENSITIES = [0.29, 0.5, 1.0]
_KEEPS = "density=[0.29, 0.5, 1]"

_EQUALS = {"coarse": "which of equal magnitudes are kept is unspecified there, how many is not"}
_NEARLY_OPPOSITE = {
    "opposite": "the cosine is rounded to float32 there, and what it is divided by is its error",
    "nearly opposite": "the angle is known to a few digits in float32 there",
}
_FLOAT32 = {
    "small": "importances of so small tensors are errors of float32 there",
    "smaller": "importances of so small tensors are errors of float32 there",
}

AVERAGES = (
    _method("linear", f"linear(a, b, c; {_SIGNED})", TASK[1:], "", weight=_MIXED),
    _method(
        "linear",
        f'as_model(mk.linear(a, b, c; {_SIGNED}, normalize=false), why="-")',
        TASK[1:],
        "",
        weight=_MIXED,
        normalize=False,
    ),
    _method("passthrough", "passthrough(a)", ("a",), ""),
    _method(
        "passthrough", 'as_model(mk.passthrough(a; scale=0.5), why="-")', ("a",), "", scale=0.5
    ),
    _method("task_arithmetic", f"task_arithmetic({_THREE}; {_SIGNED})", weight=_MIXED),
    _method(
        "task_arithmetic",
        f"task_arithmetic({_THREE}; {_SIGNED}, normalize=true, scale=0.7)",
        weight=_MIXED,
        normalize=True,
        lambda_=0.7,
    ),
    _method("model_stock", f"model_stock({_THREE})"),
    _method("model_stock", "model_stock(base, a, b)", _TWO),
    _method("model_stock", f'model_stock({_THREE}; scope="row")', filter_wise=True),
    _method("nearswap", "nearswap(base, a; limit=0.1)", _ONE, t=0.1),
    _method("arcee_fusion", "arcee_fusion(base, a)", _ONE, parts=_FLOAT32),
    _method("ram", f"ram({_THREE})"),
    _method("ram", f"ram({_THREE}; epsilon=0.5)", epsilon=0.5),
    _method("ramplus_tl", f"ramplus_tl({_THREE})"),
    _method("ramplus_tl", f"ramplus_tl({_THREE}; epsilon=0.5)", epsilon=0.5),
)

ARCS = (
    _method("slerp", "slerp(base, a; t=0.3)", _ONE, t=0.3),
    _method("slerp", "slerp(base, a; t=1.25)", _ONE, t=1.25),
    *(
        _method("nuslerp", f"nuslerp(a, b; weights={weights})", _TWO[1:], "", parts, weight=weights)
        for weights, parts in (([1, 3], _NEARLY_OPPOSITE), ([1, -1], _NEARLY_OPPOSITE))
    ),
    _method(
        "nuslerp",
        "base + mk.nuslerp(a - base, b - base; weights=[1, 3])",
        _TWO,
        parts={"opposite": _NEARLY_OPPOSITE["opposite"]},
        weight=[1, 3],
    ),
    _method(
        "nuslerp",
        'nuslerp(a, b; weights=[1, 3], axis="in")',
        _TWO[1:],
        "",
        _NEARLY_OPPOSITE,
        weight=[1, 3],
        nuslerp_flatten=False,
    ),
    _method(
        "nuslerp",
        'nuslerp(a, b; weights=[1, 3], axis="out")',
        _TWO[1:],
        "",
        {**_NEARLY_OPPOSITE, "three axes": "the first axis alone makes a column there"},
        weight=[1, 3],
        nuslerp_flatten=False,
        nuslerp_row_wise=True,
    ),
    _method("multislerp", "multislerp(a, b; weights=[1, 3])", _TWO[1:], "", weight=[1, 3]),
    _method(
        "multislerp",
        "multislerp(a, b, c)",
        TASK[1:],
        "",
        {"all zeros": "it is an error there, and zeros here"},
        weight=1.0,
    ),
    _method("multislerp", "base + mk.multislerp(a - base)", _ONE, weight=1.0),
    _method(
        "multislerp",
        "base + mk.multislerp(a - base, b - base; weights=[1, 3])",
        _TWO,
        weight=[1, 3],
    ),
    _method("karcher", f"karcher({_THREE})"),
    _method("karcher", "karcher(a)", ("a",), ""),
    _method(
        "karcher",
        f"karcher({_THREE}; max_iter=2, tol=0.1)",
        max_iter=2,
        tol=0.1,
    ),
)

ELECTIONS = (
    *(
        _method(
            "ties",
            f'ties({_THREE}; {_SIGNED}, {_KEEPS}, agg="{agg}", rescale="{norm}", scale=0.7)',
            parts=_EQUALS,
            weight=_MIXED,
            density=_DENSITIES,
            normalize=agg == "wmean",
            rescale=norm == "l1",
            lambda_=0.7,
        )
        for agg, norm in (("wmean", "none"), ("sum", "l1"))
    ),
    _method(
        "ties",
        "ties(base, a; weights=[0.7])",
        _ONE,
        parts={"one of zeros": "what is multiplied by a weight and divided by it is rounded there"},
        weight=[0.7],
    ),
    _method("ties", "ties(base, a, b; weights=[1, -1])", _TWO, weight=[1, -1]),
    *(
        _method(
            method,
            f"{method}({_THREE}; {_SIGNED}, {_KEEPS}, gamma=[0.01, 0.1, 0.5])",
            parts=_EQUALS,
            weight=_MIXED,
            density=_DENSITIES,
            gamma=[0.01, 0.1, 0.5],
        )
        for method in ("breadcrumbs", "breadcrumbs_ties")
    ),
    *(
        _method(method, f"{method}({_THREE}; {_SIGNED})", weight=_MIXED)
        for method in (
            *("dare_linear", "dare_ties", "della_linear", "della"),
            *("breadcrumbs", "breadcrumbs_ties"),
        )
    ),
    _method("sce", f"sce({_THREE})"),
    _method("sce", f"sce({_THREE}; tau=0.29)", parts=_EQUALS, select_topk=0.29),
)

MACROS = (*AVERAGES, *ARCS, *ELECTIONS)


@dataclass(frozen=True, slots=True)
class Masked:
    """A call of a method, and of its macro, that give the same of the same random masks.

    drawn: what draws the mask of one task vector, whose place is marked by `{}`.
    """

    call: Call
    ours: str
    drawn: str


def _masked(method: str, drawn: str, agreement: str, **settings: object) -> Masked:
    call = Call("mergekit", method, TASK, {**settings, "weight": _MIXED, "density": 0.5}, "base")
    return Masked(call, f"mk.{method}({_THREE}; {_SIGNED}, density=0.5{agreement})", drawn)


_DARE = "dare({}; density=0.5)"
_DELLA = "della({}; density=0.5, epsilon=0.15)"

MASKED = (
    _masked("dare_linear", _DARE, ""),
    _masked(
        "dare_linear", _DARE, ', rescale="none", normalize=true', rescale=False, normalize=True
    ),
    _masked("dare_ties", _DARE, ""),
    _masked("dare_ties", _DARE, ', agg="wmean"', normalize=True),
    _masked("della_linear", _DELLA, ""),
    _masked("della_linear", _DELLA, ", normalize=true", normalize=True),
    _masked("della", _DELLA, ""),
    _masked("della", _DELLA, ', agg="sum", rescale="none"', normalize=False, rescale=False),
)
