"""Calls of averages: weighted, of checkpoints in order, in the middle, by Fisher information."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.strategies.offer import ANY, EVERY, ROUNDED, Expr, Offer

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer


def _linear(writer: "Writer", model: bool, depth: int) -> Expr:
    parts = [writer.value(model, depth) for _ in writer.some()]
    rough = ("1", "3", "0.1", "(match { attn => 2, else => 1 })")
    weights = [writer.one_of(*(rough if writer.kind != "exact" else ("1",))) for _ in parts]
    whole = len(parts) in (1, 2, 4) and len(set(weights)) == 1
    if writer.kind == "exact" and not whole:
        return parts[0]
    found = writer.call("linear", parts, lists={"weights": weights})
    return replace(found, exact=found.exact and whole)


def _ema(writer: "Writer", model: bool, depth: int) -> Expr:
    parts = [writer.value(model, depth) for _ in writer.some()]
    short = writer.kind == "exact" or writer.flag()
    beta = writer.number(("1/2", "1/4", "0", "1") if short else ("0.9", "1/3"))
    found = writer.call("ema", parts, [f"beta={beta}"])
    return replace(found, exact=found.exact and short)


def _lawa(writer: "Writer", model: bool, depth: int) -> Expr:
    parts = [writer.value(model, depth) for _ in writer.some()]
    k = writer.one_of("1", "2", *(("3", "7") if writer.kind != "exact" else ()))
    found = writer.call("lawa", parts, [f"k={k}"])
    return replace(found, exact=found.exact and min(int(k), len(parts)) < 3)


def _median(writer: "Writer", model: bool, depth: int) -> Expr:
    parts = [writer.value(model, depth) for _ in writer.some()]
    return writer.call("median", parts, [f"even={writer.one_of('mean', 'lower', 'upper')}"])


def _fisher(writer: "Writer", model: bool, depth: int) -> Expr:
    """Of several operands, for of one it is a mean of one."""
    parts = [writer.value(model, depth) for _ in writer.some(2)]
    statistics = [writer.statistic("importance") for _ in parts]
    weights = [writer.one_of("1", "2", "1/2", "1/3") for _ in parts]
    settings = [f"floor={writer.one_of('1e-6', '1/4', '0.3')}"]
    settings.append(f"floor_on={writer.one_of('all', 'first')}")
    lists = {"fishers": statistics, "weights": weights}
    found = writer.call("fisher", parts, settings, lists, leads="first" in settings[1])
    return replace(found, exact=False)


def _regmean(writer: "Writer", model: bool, depth: int) -> Expr:
    parts = [writer.value(model, depth) for _ in writer.some(2)]
    statistics = [writer.statistic("gram") for _ in parts]
    weights = [writer.one_of("1", "2", "1/3") for _ in parts]
    settings = [f"alpha={writer.one_of('0', '1/2', '0.9', '1')}"]
    lists = {"grams": statistics, "weights": weights}
    return replace(writer.call("regmean", parts, settings, lists), exact=False, loose=True)


OFFERS = (
    Offer("linear", _linear, EVERY),
    Offer("ema", _ema, EVERY),
    Offer("lawa", _lawa, EVERY),
    Offer("median", _median, EVERY),
    Offer("fisher", _fisher, ROUNDED),
    Offer("regmean", _regmean, ANY),
)
