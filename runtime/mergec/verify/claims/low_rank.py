"""Laws of deltas of low rank: of adapters, which are products of factors, and of what `svd` keeps.

Adapters are given as factors whose products are exact, and are run as adapters.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.verify.claim import claim
from mergec.verify.evaluate import evaluate
from mergec.verify.law_case import Case, Sources, Written
from mergec.verify.law_tensors import Floats, loaded, rounded, stored
from mergec.verify.law_violation import Evaluation

_WIDE = (Dtype.F32, Dtype.F64)
_SHAPES = ((4, 4), (6, 4), (4, 7), (5, 5), (3, 9))
# Neither 1 nor equal, so that a scale that is left out or counted twice shows; exact in bf16.
_SCALES = (Fraction(3, 4), Fraction(5, 2))


@claim(
    "no matrix of the rank is nearer to a delta: the rest has the norm of the smaller values",
    "‖δ - f(δ)‖² = Σ_{j>r} σⱼ²",
)
def nearest_of_rank(case: Case) -> None:
    """The theorem of Eckart and Young; and the result has that rank."""
    dtype, (rows, columns) = case.draw(st.sampled_from(_WIDE)), case.draw(st.sampled_from(_SHAPES))
    generator = np.random.default_rng(case.draw(st.integers(0, 2**32 - 1)))
    u, _, vt = np.linalg.svd(generator.normal(size=(rows, columns)), full_matrices=False)
    delta = rounded((u * 1.5 ** np.arange(len(vt), 0, -1)) @ vt, dtype)
    sources = Sources(dtype, {"base": np.zeros((rows, columns)), "a": delta})
    params = case.params()
    found = case.run(case.call([Written("(a - base)", delta=True)], params), sources)
    rank, values = params["rank"], np.linalg.svd(delta, compute_uv=False)
    assert isinstance(rank, int)
    room = case.law.tolerance * float(values[0])
    wanted, rest = np.linalg.norm(values[rank:]), np.linalg.norm(delta - found)
    case.require(abs(rest - wanted) <= room, f"a rest of {wanted}, not {rest}", found=found)
    beyond = np.linalg.svd(found, compute_uv=False)[rank:]
    case.require(bool(np.all(beyond <= room)), f"of rank {rank}", found=found)


@claim(
    "adapters add up, each by its own weight and scale; one by itself at weight 1 is its product",
    "b + Σᵢ wᵢ·lᵢ = b + Σᵢ wᵢ·sᵢ·Bᵢ·Aᵢ",
)
def adapters_add(case: Case) -> None:
    """Bit for bit, for all terms are exact; so is what dense deltas of these values give."""
    given = _factors(case)
    for text, weights in (("base + l1", (1.0, 0.0)), ("base + 1/2*l1 - 3*l2", (0.5, -3.0))):
        found = _run(case, f"result = {text}\nexport result\n", given)
        steps = (w * d for w, d in zip(weights, _products(given), strict=True))
        wanted = rounded(given.base + sum(steps, np.zeros_like(given.base)), given.dtype)
        near = bool(np.all(found == wanted))
        case.require(near, f"`{text}` is {found} and not {wanted}", found=found, expected=wanted)


@claim(
    "factors in another basis are the same adapter",
    "f(B·R, R⁻¹·A) = f(B, A); b + B·R·R⁻¹·A = b + l",
)
def gauge_invariant(case: Case) -> None:
    """An operator that combines factors, and not their products, breaks this."""
    given = _factors(case)
    up = float(case.draw(st.sampled_from([1, -2, 3])))
    basis, inverse = np.array([[2.0, up], [0, 0.5]]), np.array([[0.5, -up], [0, 2.0]])
    other = _Given(
        given.dtype,
        given.base,
        {k: (b @ basis, inverse @ a) for k, (b, a) in given.factors.items()},
    )
    plain = "result = base + l1 - 2*l2\nexport result\n"
    case.require(
        np.array_equal(_run(case, plain, given), _run(case, plain, other)), "the sum is the same"
    )
    rank = case.params()["rank"]
    reduced = f"result = base + svd(l1 - 2*l2; rank={rank})\nexport result\n"
    case.require_same(_run(case, reduced, other), _run(case, reduced, given), "its svd too")


@claim("at the sum of the ranks nothing is left out", "f(Σᵢ wᵢ·lᵢ; rank = Σᵢ rᵢ) = Σᵢ wᵢ·lᵢ")
def full_rank_is_the_sum(case: Case) -> None:
    """As an adapter too, whose factors were never multiplied out."""
    given = _factors(case)
    text = "1/2*l1 - 3*l2"
    first, second = _products(given)
    wanted = 0.5 * first - 3.0 * second
    dense = _run(case, f'result = svd({text}; rank=4)\nexport base + result as "x"\n', given)
    case.require_same(dense - given.base, wanted, "the operator")
    a, b = _run_factors(case, f'export delta svd({text}; rank=4) as "x"\n', given)
    case.require_same(b @ a, wanted, "the adapter")


@frozen
class _Given:
    """A base and the factors B and A of the adapters l1 and l2, of rank 2."""

    dtype: Dtype
    base: Floats
    factors: Mapping[str, tuple[Floats, Floats]]


def _factors(case: Case) -> _Given:
    """Small integers and halves, so that sums of products are exact."""
    dtype, (rows, columns) = case.draw(st.sampled_from(_WIDE)), case.draw(st.sampled_from(_SHAPES))
    generator = np.random.default_rng(case.draw(st.integers(0, 2**32 - 1)))

    def draw(*shape: int) -> Floats:
        return generator.integers(-6, 7, shape) / 2

    factors = {label: (draw(rows, 2), draw(2, columns)) for label in ("l1", "l2")}
    return _Given(dtype, draw(rows, columns), factors)


def _products(given: _Given) -> list[Floats]:
    pairs = zip(_SCALES, given.factors.values(), strict=True)
    return [float(scale) * (b @ a) for scale, (b, a) in pairs]


def _run(case: Case, spec: str, given: _Given) -> Floats:
    """The only tensor of the spec's export."""
    return _evaluated(case, spec, given)["w"]


def _run_factors(case: Case, spec: str, given: _Given) -> tuple[Floats, Floats]:
    """A and B of the adapter that the spec exports."""
    found = _evaluated(case, spec, given)
    return found["base_model.model.w.lora_A.weight"], found["base_model.model.w.lora_B.weight"]


def _evaluated(case: Case, spec: str, given: _Given) -> dict[str, Floats]:
    adapters = "".join(f'{k} = adapter("./{k}", id="{k}")\n' for k in given.factors if k in spec)
    model = 'base = model("./base", id="base")\n' if "base" in spec else ""
    text = f"{model}{adapters}{spec}"
    tensors = {"base": {"w": given.base}} if model else {}
    tensors |= {k: {"A": a, "B": b} for k, (b, a) in given.factors.items() if k in spec}
    flat = {f"{label}.{name}": x for label, of in tensors.items() for name, x in of.items()}
    case.evaluations.append(Evaluation(text, spec.strip(), Sources(given.dtype, flat)))
    files = {
        label: {name: stored(x, given.dtype) for name, x in of.items()}
        for label, of in tensors.items()
    }
    scales = {label: scale for label, scale in zip(given.factors, _SCALES, strict=True)}
    used = {label: scale for label, scale in scales.items() if label in files}
    return {
        name: loaded(tensor)
        for name, tensor in evaluate(text, files, case.backend, scales=used).items()
    }
