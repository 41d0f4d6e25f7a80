"""Laws of what an operator does when its sources are moved, stretched, reshaped or few."""

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ops import MassRule
from mergec.verify.claim import claim
from mergec.verify.law_case import BASE, FLOATS, Case, Sources, Written, models
from mergec.verify.law_tensors import Floats, adversarial, coarse, dyadic, related, tame

# Where results are compared within a tolerance, their storage must not be what differs.
_WIDE = (Dtype.F32, Dtype.F64)
_LABELS = ("a", "b", "c")


@claim(
    "sources stretched and moved give the result stretched and moved",
    "f(c·x₁ + v, …, c·xₙ + v) = c·f(x₁, …, xₙ) + v",
)
def affine_equivariant(case: Case) -> None:
    """On dyadic numbers, so that the moved sources are stored exactly."""
    labels = _some(case)
    sources = case.sources([*labels, "v"], case.draw(st.sampled_from([dyadic, related])), _WIDE)
    factor = case.draw(st.sampled_from([2.0, -1.0, 0.5, 3.0]))
    plain, v = _without(sources, "v")
    moved = Sources(plain.dtype, {k: factor * x + v for k, x in plain.tensors.items()})
    text = case.call(models(labels), case.params())
    expected = factor * case.run(text, plain) + v
    case.require_same(case.run(text, moved), expected, f"stretched by {factor} and moved by {v}")


@claim(
    "base and models moved alike give the merged model moved alike",
    "f(b + v; x₁ + v, …, xₙ + v) = f(b; x₁, …, xₙ) + v",
)
def translation_equivariant(case: Case) -> None:
    """On dyadic numbers; an operator that takes no base is applied to its operands as they are."""
    labels = _some(case)
    names = [*labels, "base", "v"]
    sources = case.sources(names, case.draw(st.sampled_from([dyadic, coarse])), _WIDE)
    plain, v = _without(sources, "v")
    moved = Sources(plain.dtype, {k: x + v for k, x in plain.tensors.items()})
    text = case.call(_with_base(case, labels), case.params())
    expected = case.run(text, plain) + v
    case.require_same(case.run(text, moved), expected, f"moved by {v}")


@claim(
    "the result lies between the least and the largest of the sources, entry by entry",
    "minᵢ xᵢⱼ ≤ f(x)ⱼ ≤ maxᵢ xᵢⱼ",
)
def convex_hull(case: Case) -> None:
    """In dtypes with a wider one to compute in, so that rounding cannot leave the hull."""
    labels = _some(case)
    kind = case.draw(st.sampled_from([adversarial, tame]))
    sources = case.sources(labels, kind, (Dtype.BF16, Dtype.F16, Dtype.F32))
    found = case.run(case.call(models(labels), case.params()), sources)
    low, high = (pick([*sources.tensors.values()], axis=0) for pick in (np.min, np.max))
    inside = np.all((low <= found) & (found <= high))
    case.require(inside, f"{found} is not between {low} and {high}", found=found)


@claim(
    "the shape of the tensors says nothing: the same numbers in a row give the same result",
    "f(reshape(x)) = reshape(f(x))",
)
def shape_free(case: Case) -> None:
    """Any shape against the vector of the same numbers, one element included."""
    labels = _some(case)
    sources = case.sources([*labels, "base"], case.draw(st.sampled_from([coarse, adversarial])))
    flat = Sources(sources.dtype, {k: x.reshape(-1) for k, x in sources.tensors.items()})
    text = case.call(case.operands(labels), case.params())
    case.require_same(case.run(text, sources).reshape(-1), case.run(text, flat), "of the vector")


@claim("a tensor of one element keeps it", "n = 1 ⇒ f(δ) = δ")
def keeps_one_element(case: Case) -> None:
    """In each shape of one element."""
    shape = st.sampled_from([(), (1,), (1, 1)])
    kind = case.draw(st.sampled_from([coarse, adversarial]))
    sources = case.sources(["a", "base"], kind, FLOATS, shape=shape)
    operand = case.operands(["a"])[0]
    found = case.run(case.call([operand], case.params()), sources)
    # An operator may make +0 of -0, which is not to keep another number.
    case.require_same(found + 0.0, case.run(operand, sources) + 0.0, "the element")


@claim("a source that weighs nothing says nothing", "wᵢ = 0 ⇒ f(x; w) does not depend on xᵢ")
def zero_weight_is_absent(case: Case) -> None:
    """Bit for bit, whatever the source holds."""
    names = ["a", "b", "c", "base"]
    sources = case.sources(names, case.draw(st.sampled_from([coarse, adversarial])))
    other = sources.replaced({"c": sources.tensors["a"]})
    params = case.params(weights=(2, 1, 0))
    text = case.call(case.operands(_LABELS), params)
    case.require_same(case.run(text, sources), case.run(text, other), "with another source")


def _some(case: Case) -> tuple[str, ...]:
    return _LABELS[: case.operator.operands[1] or len(_LABELS)]


def _with_base(case: Case, labels: tuple[str, ...]) -> list[Written]:
    if case.operator.mass is MassRule.CONSENSUS:
        return [BASE, *models(labels)]
    return case.operands(labels)


def _without(sources: Sources, label: str) -> tuple[Sources, Floats]:
    """All sources but one, and that one's tensor."""
    rest = {k: x for k, x in sources.tensors.items() if k != label}
    return Sources(sources.dtype, rest), sources.tensors[label]
