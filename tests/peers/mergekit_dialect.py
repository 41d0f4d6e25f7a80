"""Every macro of `std:mergekit` beside the method whose name it has, and where the two still part."""

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
    return Macro(call, ours if ours.startswith("as_model") else f"mk.{ours}", parts or {})


_THREE = "base, a, b, c"
_MIXED = [1.0, 2.0, -0.5]
_DENSITIES = [0.29, 0.5, 1.0]
_TWO = ("base", "a", "b")

MACROS = (
    _method("linear", "linear(a, b, c; weights=[1, 2, -0.5])", TASK[1:], "", weight=_MIXED),
    _method(
        "linear",
        'as_model(mk.linear(a, b, c; weights=[1, 2, -0.5], normalize=false), why="-")',
        TASK[1:],
        "",
        weight=_MIXED,
        normalize=False,
    ),
    _method("slerp", "slerp(base, a; t=0.3)", _TWO[:2], t=0.3),
    _method("slerp", "slerp(base, a; t=1.25)", _TWO[:2], t=1.25),
    _method("nuslerp", "nuslerp(a, b; weights=[1, 3])", ("a", "b"), "", weight=[1.0, 3.0]),
    _method(
        "nuslerp",
        'nuslerp(a, b; weights=[1, 3], axis="in")',
        ("a", "b"),
        "",
        weight=[1.0, 3.0],
        nuslerp_flatten=False,
    ),
    _method(
        "nuslerp",
        'nuslerp(a, b; weights=[1, 3], axis="out")',
        ("a", "b"),
        "",
        weight=[1.0, 3.0],
        nuslerp_flatten=False,
        nuslerp_row_wise=True,
    ),
    _method("multislerp", "multislerp(a, b; weights=[1, 3])", ("a", "b"), "", weight=[1.0, 3.0]),
    _method("multislerp", "multislerp(a, b, c)", TASK[1:], "", weight=1.0),
    _method("karcher", "karcher(base, a, b, c)", TASK),
    _method("model_stock", f"model_stock({_THREE})"),
    _method("model_stock", f'model_stock({_THREE}; scope="row")', filter_wise=True),
    _method("nearswap", "nearswap(base, a; limit=0.1)", _TWO[:2], t=0.1),
    _method("arcee_fusion", "arcee_fusion(base, a)", _TWO[:2]),
    _method("ram", f"ram({_THREE})"),
    _method("ram", f"ram({_THREE}; epsilon=0.5)", epsilon=0.5),
    _method("ramplus_tl", f"ramplus_tl({_THREE})"),
    _method("ramplus_tl", f"ramplus_tl({_THREE}; epsilon=0.5)", epsilon=0.5),
    _method("passthrough", "passthrough(a)", ("a",), ""),
    _method(
        "passthrough", 'as_model(mk.passthrough(a; scale=0.5), why="-")', ("a",), "", scale=0.5
    ),
    _method("task_arithmetic", f"task_arithmetic({_THREE}; weights=[1, 2, -0.5])", weight=_MIXED),
    _method(
        "task_arithmetic",
        f"task_arithmetic({_THREE}; weights=[1, 2, -0.5], normalize=true, scale=0.7)",
        weight=_MIXED,
        normalize=True,
        lambda_=0.7,
    ),
    *(
        _method(
            "ties",
            f'ties({_THREE}; weights=[1, 2, 0.5], density=[0.29, 0.5, 1], agg="{agg}", '
            f'rescale="{norm}", scale=0.7)',
            weight=[1.0, 2.0, 0.5],
            density=_DENSITIES,
            normalize=agg == "wmean",
            rescale=norm == "l1",
            lambda_=0.7,
        )
        for agg, norm in (("wmean", "none"), ("sum", "l1"))
    ),
    _method("ties", f"ties({_THREE}; weights=[1, 2, -0.5])", weight=_MIXED),
    _method(
        "ties", f'ties({_THREE}; weights=[1, 2, -0.5], agg="sum")', weight=_MIXED, normalize=False
    ),
    *(
        _method(
            method,
            f"{method}({_THREE}; weights=[1, 2, -0.5], density=[0.29, 0.5, 1], gamma=[0.01, 0.1, 0.5])",
            weight=_MIXED,
            density=_DENSITIES,
            gamma=[0.01, 0.1, 0.5],
        )
        for method in ("breadcrumbs", "breadcrumbs_ties")
    ),
    *(
        _method(method, f"{method}({_THREE}; weights=[1, 2, -0.5])", weight=_MIXED)
        for method in (
            "dare_linear",
            "dare_ties",
            "della_linear",
            "della",
            "breadcrumbs",
            "breadcrumbs_ties",
        )
    ),
    _method("sce", f"sce({_THREE})"),
    _method("sce", f"sce({_THREE}; tau=0.29)", select_topk=0.29),
)
