"""Laws of operators on singular values, tried on matrices whose singular values are far apart."""

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.claim import claim
from mergec.verify.law_case import Case, Sources, Written
from mergec.verify.law_tensors import Floats, rounded

_WIDE = (Dtype.F32, Dtype.F64)
_DELTAS = ("a", "b")


@claim(
    "all singular values of the result are equal, and sum to those of the summed deltas",
    "σ(f(δ))ⱼ = σ̄, Σⱼ σ(f(δ))ⱼ = ‖Σᵢ δᵢ‖_*, ‖f(δ)‖ ≤ ‖Σᵢ δᵢ‖",
)
def flattens_spectrum(case: Case) -> None:
    """The singular vectors stay: ⟨D, f(δ)⟩ = σ̄·‖D‖_*."""
    sources = _spectral(case)
    found = case.run(_call(case), sources)
    total = sum(_deltas(sources), np.zeros_like(found))
    wanted = np.linalg.svd(total, compute_uv=False)
    level, room = wanted.mean(), case.law.tolerance * wanted[0]
    values = np.linalg.svd(found, compute_uv=False)
    case.require(bool(np.all(np.abs(values - level) <= room)), f"one level, {level}", found=found)
    along = float(np.sum(total * found)) - float(level) * float(wanted.sum())
    case.require(abs(along) <= room * wanted.sum(), "the same singular vectors", found=found)
    longer = float(np.linalg.norm(found)) - float(np.linalg.norm(total))
    case.require(longer <= room, "no longer than the sum", found=found)


@claim(
    "the singular values of the result are the strongest of each delta",
    "σ(f(δ)) = the ⌊min(out, in)/n⌋ largest of each σ(δᵢ)",
)
def joins_spectra(case: Case) -> None:
    """The rest of the result's are zero."""
    sources = _spectral(case)
    found = case.run(_call(case), sources)
    most = min(found.shape) // len(_DELTAS)
    kept = [np.linalg.svd(delta, compute_uv=False)[:most] for delta in _deltas(sources)]
    wanted = np.zeros(min(found.shape))
    wanted[: most * len(kept)] = np.sort(np.concatenate(kept))[::-1]
    values = np.linalg.svd(found, compute_uv=False)
    near = np.abs(values - wanted) <= case.law.tolerance * wanted[0]
    case.require(bool(np.all(near)), f"singular values {wanted}, not {values}", found=found)


@claim("a factor of all deltas is one of the result, a negative one too", "f(c·δ) = c·f(δ)")
def spectrum_scales(case: Case) -> None:
    """As far down as 2⁻²⁰, where a hidden absolute tolerance would show."""
    sources = _spectral(case)
    factor = case.draw(st.sampled_from(["(-1)", "3", "1/1048576"]))
    plain = _call(case)
    scaled = case.written(f"({factor})*{plain.text}", [*sources.tensors])
    case.require_same(
        case.run(_call(case, f"{factor}*"), sources), case.run(scaled, sources), "the factor"
    )


@claim("orthogonal maps of rows and columns go through", "f(P·δ·Q) = P·f(δ)·Q")
def axes_equivariant(case: Case) -> None:
    """Orders of rows and columns, with signs: maps that round nothing."""
    sources = _spectral(case)
    m, n = sources.tensors["a"].shape
    rows, columns = case.draw(st.permutations(range(m))), case.draw(st.permutations(range(n)))
    signs = np.array(case.draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=n, max_size=n)))
    moved = {k: x[rows][:, columns] * signs for k, x in sources.tensors.items()}
    found = case.run(_call(case), Sources(sources.dtype, moved))
    plain = case.run(_call(case), sources)
    case.require_same(found, plain[rows][:, columns] * signs, "the same map")


@claim("exchanging the deltas changes nothing", "f(δ_π1, …, δ_πn) = f(δ_1, …, δ_n)")
def spectra_commute(case: Case) -> None:
    """Labels are exchanged, so that the operands' canonical order is another."""
    sources = _spectral(case)
    again = case.run(_call(case), sources.relabelled(("b", "a")))
    case.require_same(again, case.run(_call(case), sources), "the other order")


def _spectral(case: Case) -> Sources:
    """Two deltas over a base of zeros, of full rank, with singular values 1 and more apart."""
    dtype = case.draw(st.sampled_from(_WIDE))
    shape = case.draw(st.sampled_from([(4, 4), (6, 4), (4, 7), (2, 2), (5, 5)]))
    generator = np.random.default_rng(case.draw(st.integers(0, 2**32 - 1)))
    tensors = {"base": np.zeros(shape)}
    for number, label in enumerate(_DELTAS):
        u, _, vt = np.linalg.svd(generator.normal(size=shape), full_matrices=False)
        values = 1.25 * np.arange(len(vt), 0, -1) + number / 2
        tensors[label] = rounded((u * values) @ vt, dtype)
    return Sources(dtype, tensors)


def _deltas(sources: Sources) -> list[Floats]:
    return [sources.tensors[label] for label in _DELTAS]


def _call(case: Case, factor: str = "") -> Written:
    operands = [Written(f"{factor}({label} - base)", delta=True) for label in _DELTAS]
    return case.call(operands, case.params())
