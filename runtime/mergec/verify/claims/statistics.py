"""Laws of operators that weigh their operands by statistics."""

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.claim import claim
from mergec.verify.law_case import Case, Sources, Written, models
from mergec.verify.law_statistics import STATISTICS, with_statistics
from mergec.verify.law_tensors import matrices, tame

_WIDE = (Dtype.F32, Dtype.F64)


@claim(
    "every entry lies between the operands' where weights are not negative",
    "minᵢ xᵢ ≤ f(x; s) ≤ maxᵢ xᵢ",
)
def between_operands(case: Case) -> None:
    """To the law's tolerance, for the result is rounded."""
    written, sources = _weighed(case)
    found = case.run(written, sources)
    operands = np.array([sources.tensors[label] for label in "abc"])
    room = case.law.tolerance * np.abs(operands).max(axis=0, initial=0.0)
    inside = (operands.min(axis=0) - room <= found) & (found <= operands.max(axis=0) + room)
    case.require(bool(np.all(inside)), "between the operands", found=found)


@claim("a common factor of all statistics says nothing", "f(x; c·s) = f(x; s)")
def statistics_scale_invariant(case: Case) -> None:
    """Tiny and huge factors included, which an absolute constant would not survive."""
    written, sources = _weighed(case)
    factor = case.draw(st.sampled_from([3.0, 2.0**-20, 2.0**20]))
    scaled = {k: x * factor if k in STATISTICS else x for k, x in sources.tensors.items()}
    again = case.run(written, Sources(sources.dtype, scaled))
    case.require_same(again, case.run(written, sources), f"statistics times {factor}")


@claim("a factor of one statistic alone says nothing", "f(x; s₁, c·s₂, …) = f(x; s₁, s₂, …)")
def each_statistic_is_relative(case: Case) -> None:
    """Each is taken relative to its own size."""
    written, sources = _weighed(case)
    factor = case.draw(st.sampled_from([3.0, 2.0**-20, 2.0**20]))
    scaled = {**sources.tensors, "sb": sources.tensors["sb"] * factor}
    again = case.run(written, Sources(sources.dtype, scaled))
    case.require_same(again, case.run(written, sources), f"one statistic times {factor}")


@claim(
    "exchanging operands together with their statistics changes nothing",
    "f(x_π; s_π) = f(x; s)",
)
def statistics_move_along(case: Case) -> None:
    """Where sums are not exact, to the law's tolerance."""
    written, sources = _weighed(case)
    order = case.draw(st.permutations(list("abc")))
    moved = dict(sources.tensors)
    for new, old in zip("abc", order, strict=True):
        moved[new], moved[f"s{new}"] = sources.tensors[old], sources.tensors[f"s{old}"]
    again = case.run(written, Sources(sources.dtype, moved))
    case.require_same(again, case.run(written, sources), "the other labels")


def _weighed(case: Case) -> tuple[Written, Sources]:
    """A call over three matrices and their statistics."""
    sources = case.sources([*"abc"], tame, _WIDE, shape=matrices())
    sources = with_statistics(case, sources, [*STATISTICS])
    taken = next(p.name for p in case.operator.parameters if p.kind == "sources")
    params = {k: v for k, v in case.params(**{taken: None}).items() if k != taken}
    call = case.call(models("abc"), params).text
    listed = f"{taken}=[{', '.join(STATISTICS)}]"
    text = f"{call[:-1]}{', ' if params else '; '}{listed})"
    return case.written(text, [*sources.tensors]), sources
