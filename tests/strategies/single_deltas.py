"""Calls of operators of one delta: made larger or smaller, thinned by magnitude or by chance."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.strategies.offer import EVERY, Expr, Offer

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer

DENSITIES = ("0.2", "1/3", "0.5", "0.75", "1", "0.01")


def _scale(writer: "Writer", _model: bool, depth: int) -> Expr:
    part = writer.delta(depth)
    factor, short = writer.factor()
    found = writer.apply(part, "scale", [f"by={factor}"])
    return replace(found, exact=found.exact and short)


def _lines(writer: "Writer", _model: bool, depth: int) -> Expr:
    """With up to three layers the factors are dyadic where the parameters are."""
    part = writer.delta(depth)
    short = writer.kind == "exact" or writer.flag()
    values = ("1/2", "1", "0", "(-1/4)", *(() if short else ("0.3", "1/3")))
    settings = [f"alpha={writer.one_of(*values)}", f"beta={writer.one_of(*values)}"]
    found = writer.apply(part, "lines", settings)
    return replace(found, exact=found.exact and short)


def _trim(writer: "Writer", _model: bool, depth: int) -> Expr:
    part = writer.delta(depth)
    if not writer.may_select(part):
        return part
    scope = writer.one_of("tensor", "tensor", "global")
    density = writer.one_of(*DENSITIES) if scope == "global" else writer.number(DENSITIES)
    rescales = ("none", "inv", "l1", "l2")
    last = {"exact": 1, "smooth": 2, "stated": 4, "any": 4}[writer.kind]
    rescale = writer.one_of(*rescales[:last])
    ties = writer.one_of("index", "all")
    settings = [f"density={density}", f"ties={ties}", f"rescale={rescale}", f"scope={scope}"]
    found = writer.apply(part, "trim", settings)
    return replace(found, exact=found.exact and rescale == "none")


def _breadcrumbs(writer: "Writer", _model: bool, depth: int) -> Expr:
    part = writer.delta(depth)
    if not writer.may_select(part):
        return part
    gamma = writer.number(("0", "0.01", "1/4", "0.3"))
    return writer.apply(
        part, "breadcrumbs", [f"density={writer.number(DENSITIES)}", f"gamma={gamma}"]
    )


def _dare(writer: "Writer", _model: bool, depth: int) -> Expr:
    part = writer.delta(depth)
    short = writer.kind == "exact" or writer.flag()
    density = writer.number(("0.5", "0.25", "1") if short else ("0.5", "0.3", "0.9", "1"))
    of_norms = ("l1",) if writer.kind in ("stated", "any") else ()
    rescale = writer.one_of("inv", "none", *of_norms)
    settings = [f"density={density}", f"rescale={rescale}", *_seed(writer)]
    if rescale == "inv" and writer.flag():
        settings.append("q=1/2")
    found = writer.apply(part, "dare", settings)
    return replace(found, exact=found.exact and short and rescale != "l1")


def _della(writer: "Writer", _model: bool, depth: int) -> Expr:
    part = writer.delta(depth)
    if not writer.may_select(part):
        return part
    pairs = (("1/2", "1/4"), ("0.3", "0.2"), ("0.7", "0"), ("1", "0"), ("3/4", "1/4"))
    density, epsilon = pairs[int(writer.one_of(*"01234"))]
    of_norms = ("l1",) if writer.kind in ("stated", "any") else ()
    rescale = writer.one_of("none", *(("per_element", *of_norms) if writer.kind != "exact" else ()))
    settings = [f"density={density}", f"epsilon={epsilon}", f"rescale={rescale}", *_seed(writer)]
    found = writer.apply(part, "della", settings)
    return replace(found, exact=found.exact and rescale == "none")


def _seed(writer: "Writer") -> list[str]:
    """What decides a mask, if anything is said about it."""
    settings: list[str] = []
    if writer.flag():
        settings.append(f"seed={writer.seed()}")
    elif writer.flag():
        writer.head["param masks: int = 7\n"] = None
        settings.append("seed=masks")
    if writer.flag():
        settings.append('stream="s"')
    return settings


OFFERS = (
    Offer("scale", _scale, EVERY, models=False),
    Offer("lines", _lines, EVERY, models=False),
    Offer("trim", _trim, EVERY, models=False),
    Offer("breadcrumbs", _breadcrumbs, EVERY, models=False),
    Offer("dare", _dare, EVERY, models=False),
    Offer("della", _della, EVERY, models=False),
)
