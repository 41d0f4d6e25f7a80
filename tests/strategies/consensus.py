"""Calls of operators that merge several deltas, put on a base or alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.strategies.offer import ANY, EVERY, ROUNDED, STATED, Expr, Kind, Offer
from tests.strategies.single_deltas import DENSITIES

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer


@dataclass(frozen=True, slots=True)
class _Settings:
    """The settings of a call, what it has for each delta, and whether it rounds nothing."""

    words: Sequence[str]
    exact: bool
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


def _offer(
    name: str,
    choose: "Callable[[Writer, int], _Settings]",
    kinds: tuple[Kind, ...],
    *,
    least: int = 1,
    most: int = 3,
    deltas: bool = True,
    loose: bool = False,
) -> Offer:
    """An operator of `least` to `most` deltas, whose settings `choose` draws for their number."""

    def write(writer: "Writer", model: bool, depth: int) -> Expr:
        parts = [_part(writer, model, depth) for _ in writer.some(least, most)]
        anchored = all(part.anchored for part in parts)
        if not writer.may_select(*parts) or not anchored:
            return writer.source() if model else parts[0]
        settings = choose(writer, len(parts))
        found = writer.call(name, parts, settings.words, settings.lists, base=model)
        return replace(found, exact=found.exact and settings.exact, loose=found.loose or loose)

    return Offer(name, write, kinds, deltas=deltas)


def _part(writer: "Writer", model: bool, depth: int) -> Expr:
    """A delta; beside a base also a model, which stands for what it differs by."""
    if not model or writer.one_of("delta", "delta", "model") == "delta":
        return writer.delta(depth)
    return replace(writer.model(depth), anchored=True)


def _ties(writer: "Writer", count: int) -> _Settings:
    scope = writer.one_of("tensor", "tensor", "global")
    # Of one vector there is one density and one weight.
    number = writer.plain if scope == "global" else writer.number
    heavy = ("1",) if writer.flag() else ("1", "2", "1/2")
    weights = [number(heavy) for _ in range(count)]
    densities = [number(DENSITIES) for _ in range(count)]
    even = count < 3 and len(set(weights)) == 1
    averages = ("sum", "max", "mean", "wmean")
    agg = writer.one_of(*(averages if even or writer.kind != "exact" else averages[:2]))
    factor, short = writer.factor()
    words = [
        f"agg={agg}",
        f"elect={writer.one_of('mass', 'count', 'none')}",
        f"zero={writer.one_of('drop', 'positive', 'negative', 'majority')}",
        f"weight_stage={writer.one_of('before', 'after')}",
        f"scale={factor}",
        f"scope={scope}",
    ]
    exact = short and (even or agg in ("sum", "max"))
    return _Settings(words, exact, {"density": densities, "weights": weights})


def _magmax(writer: "Writer", _count: int) -> _Settings:
    factor, short = writer.factor()
    return _Settings([f"zero={writer.one_of('first', 'drop')}", f"scale={factor}"], short)


def _ram(writer: "Writer", _count: int) -> _Settings:
    factor, short = writer.factor()
    boosts = ("0",) if writer.kind == "exact" else ("0", "0.1", "1")
    r = writer.one_of(*boosts)
    words = [f"epsilon={writer.one_of('0', '1/8', '1/2')}", f"r={r}", f"scale={factor}"]
    if writer.kind in STATED and writer.flag():
        words.append("relative=true")
    return _Settings(words, short and r == "0")


def _consensus(writer: "Writer", count: int) -> _Settings:
    factor, short = writer.factor()
    values = ("1/2", "1/4", "1") if writer.kind in ("exact", "smooth") else ("0.4", "0.2", "1/2")
    kappas = [writer.one_of(*values) for _ in range(count)]
    words = [f"k={writer.one_of(*'0123'[: count + 2])}", f"scale={factor}"]
    return _Settings(words, short, {"kappa": kappas})


def _sce(writer: "Writer", _count: int) -> _Settings:
    words = [f"tau={writer.one_of('1', '1/2', '0.3')}"]
    words.append(f"zero={writer.one_of('drop', 'positive', 'negative')}")
    if writer.kind == "any" and writer.flag():
        words.append("merge=all")
    return _Settings(words, exact=False)


def _model_stock(writer: "Writer", _count: int) -> _Settings:
    words = [f"estimator={writer.one_of('cosine', 'angle', 'gram')}"]
    if writer.kind in STATED and writer.flag():
        words = [f"estimator={writer.one_of('cosine', 'gram')}", "scope=row"]
    return _Settings(words, exact=False)


def _stitch(writer: "Writer", count: int) -> _Settings:
    scope = writer.one_of("tensor", "global")
    number = writer.plain if scope == "global" else writer.number
    factor, short = writer.factor()
    densities = [number(DENSITIES) for _ in range(count)]
    return _Settings([f"scope={scope}", f"scale={factor}"], short, {"density": densities})


def _emr(writer: "Writer", count: int) -> _Settings:
    """Over all tensors it is no operator of one long vector, so that none is stated."""
    scopes = ("tensor", "global") if writer.kind == "any" else ("tensor",)
    task = writer.one_of(*"123"[:count])
    return _Settings([f"task={task}", f"scope={writer.one_of(*scopes)}"], exact=False)


def _pcb(writer: "Writer", _count: int) -> _Settings:
    words = [f"ratio={writer.one_of('1', '1/2', '0.1')}", f"clip={writer.one_of('0', '1/4')}"]
    return _Settings([*words, f"scope={writer.one_of('tensor', 'global')}"], exact=False)


def _cabs(writer: "Writer", count: int) -> _Settings:
    weights = [writer.number(("1", "1/2", "(-2)")) for _ in range(count)]
    blocks = (("1", "3"), ("2", "4"), ("2", "5"), ("3", "3"))
    n, m = blocks[int(writer.one_of(*"0123"))]
    return _Settings([f"n={n}", f"m={m}"], exact=True, lists={"weights": weights})


def _widen(writer: "Writer", _count: int) -> _Settings:
    words = [f"ratio={writer.one_of('0', '1/2', '1', '1.1')}", f"axis={writer.one_of('in', 'out')}"]
    return _Settings([*words, f"value={writer.one_of('1', '1/2')}"], exact=False)


def _iso_c(writer: "Writer", _count: int) -> _Settings:
    factor, _ = writer.factor()
    return _Settings([f"level={writer.one_of('full', 'rank')}", f"scale={factor}"], exact=False)


def _tsvm(writer: "Writer", _count: int) -> _Settings:
    factor, _ = writer.factor()
    return _Settings([f"scale={factor}"], exact=False)


OFFERS = (
    _offer("ties", _ties, EVERY),
    _offer("magmax", _magmax, EVERY),
    _offer("stitch", _stitch, ROUNDED),
    _offer("emr", _emr, ROUNDED),
    _offer("pcb", _pcb, STATED, loose=True),
    # A third of three deltas is not dyadic.
    _offer("stitch", _stitch, ("exact",), most=2),
    _offer("ram", _ram, ("exact",), most=2),
    _offer("ram", _ram, ROUNDED),
    _offer("consensus", _consensus, EVERY),
    _offer("cabs", _cabs, EVERY),
    _offer("sce", _sce, ROUNDED, least=2),
    _offer("model_stock", _model_stock, ROUNDED, least=2),
    _offer("widen", _widen, STATED, deltas=False, loose=True),
    _offer("iso_c", _iso_c, ANY, loose=True),
    # A matrix has room for as many deltas as it has rows.
    _offer("tsvm", _tsvm, ANY, most=2, loose=True),
)
