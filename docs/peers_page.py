"""Makes `docs/peers.md` of the rows that `make peers` asserts; no peer is needed for it."""

from collections.abc import Iterable, Sequence

import numpy as np

from tests.peers.case import (
    VERSIONS,
    Agreement,
    Case,
    Difference,
    Result,
    Sampled,
    Study,
)
from tests.peers.mergekit_dialect import MACROS, MASKED, Macro
from tests.peers.table import ROWS

_HEAD = f"""# Peers

Made from the code by `make docs`; edit `tests/peers/` instead.

The same name stands for different formulas in different tools. These tables say with which settings
mergec computes what mergekit {VERSIONS["mergekit"]} and sd-mecha {VERSIONS["sd-mecha"]} compute,
and where it computes something else. They speak of single tensors in memory, in float32 unless a
line says otherwise. `make peers` installs both in an environment of their own and asserts every
line.

`base`, `a`, `b` and `c` are models. A peer's function that has no base among its operands takes
task vectors where ours has `a - base`: the base is zero then.
"""
_AGREE = """Each pair of calls gives the same on random tensors, to 1e-5 of the largest entry. Where
entries are dropped at random the generators differ; how often each entry is kept and what factor it
then has do not.
"""
_DIFFER = """The last column holds the call of ours that gives their result, where there is one.
"""
_DIALECT = """The macros of [std:mergekit](library.md#stdmergekit) have the defaults and edge
cases of mergekit's methods, by the parameter `dialect=mergekit` of the operators. Each pair of
calls gives the same to 1e-5 of the largest entry, in float32, of random tensors of one to three
axes, of one element and of rows of one, of fine-tuned, small, equal, zero, opposite, parallel and
nearly opposite tensors, and of such that are full of ties, but for the inputs that the last
column names. Random methods are given each other's masks; how often an entry is kept is compared
above.

Weights that sum to zero, of which mergekit's `linear` makes infinities, are an error (E211), and
so are a density of 0 (E203), weights below 0 of `multislerp` (E203) and `sce` of one model
(E209). `breadcrumbs` has no `rescale`. Task vectors and weights are not rounded to the dtype of
the base.
"""
_MECHA = """The macros of [std:sd_mecha](library.md#stdsd_mecha) have sd-mecha's defaults; `trim`
with `dialect=sd_mecha` keeps what its `k` keeps. Each is compared with its method in float32, of
random tensors of one and two axes, of two elements, of rows of one, of equal and zero tensors and
of such that are full of ties. Opposite tensors have no middle here (E808), and rows of two
opposite task vectors no ratio (E817): both are zero there.
"""
_PEFT = """## std:peft

The macros of [std:peft](library.md#stdpeft) are the combination types of `add_weighted_adapter`
of PEFT 0.21.2 that merge deltas. The tests compare each with it on the adapters of a small model,
with weights of both signs, at densities that keep a fraction of an entry, one or all, and with
its masks where they are random. The types that merge factors one by one (`linear`, `ties`,
`dare_linear`, `dare_ties`, `magnitude_prune`) are left out: what they make of one delta depends
on how it was factored.
"""
_LONG = 8


def peers_page() -> str:
    """The text of `docs/peers.md`."""
    parts = [_HEAD]
    for peer in VERSIONS:
        rows = sorted((row for row in ROWS if _peer(row) == peer), key=lambda row: row.operator)
        same = [_agreement(row) for row in rows if isinstance(row, Agreement | Sampled)]
        other = [_difference(row) for row in rows if isinstance(row, Difference | Study)]
        parts += [
            f"## Where {peer} agrees\n\n{_AGREE}",
            _table(("operator", peer, "mergec", "note"), same),
            f"## Where {peer} differs\n\n{_DIFFER}",
            _table(("operator", peer, "what differs", "theirs", "ours", "theirs in mergec"), other),
        ]
        if peer == "mergekit":
            rows_of_macros = [_macro(row) for row in MACROS]
            rows_of_macros += [(_code(str(row.call)), _code(row.ours), "") for row in MASKED]
            columns = ("mergekit", "mergec", "not on")
            parts += [f"## std:mergekit\n\n{_DIALECT}", _table(columns, rows_of_macros)]
        else:
            parts.append(f"## std:sd_mecha\n\n{_MECHA}")
    parts.append(_PEFT)
    return "\n".join(parts).rstrip("\n") + "\n"


def _macro(row: Macro) -> Sequence[str]:
    parts = "; ".join(f"{name}: {why}" for name, why in row.parts.items())
    return (_code(str(row.call)), _code(row.ours), parts)


def _peer(row: Case) -> str:
    return row.peer if isinstance(row, Study) else row.call.peer


def _agreement(row: Agreement | Sampled) -> Sequence[str]:
    return (row.operator, _code(str(row.call)), _code(row.ours), row.note)


def _difference(row: Difference | Study) -> Sequence[str]:
    if isinstance(row, Study):
        sides = (row.theirs, row.ours)
        return (row.operator, _code(row.function), row.what, *sides, _code(row.switch))
    # A base of zeros is what there is without a word.
    given = ", ".join(f"{label} = {_result(x)}" for label, x in row.tensors.items() if np.any(x))
    stored = f", {row.call.dtype}" if row.call.dtype != "float32" else ""
    what = f"{row.what}: {_code(row.ours)} with {given}{stored}"
    theirs, ours = _result(row.theirs), _result(row.result)
    return (row.operator, _code(str(row.call)), what, theirs, ours, _code(row.switch))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _result(result: Result) -> str:
    if isinstance(result, str):
        return result
    shown = [_result(x) if isinstance(x, tuple) else f"{x:.6g}" for x in result]
    if len(shown) > _LONG:
        shown = _abridged(shown)
    return f"[{', '.join(shown)}]"


def _abridged(shown: Sequence[str]) -> list[str]:
    """A long row, of which only the first zeros are alike."""
    zeros = next(place for place, number in enumerate(shown) if number != "0")
    return [*([f"{zeros} times 0"] if zeros else []), *shown[zeros : zeros + 2], "…", shown[-1]]
