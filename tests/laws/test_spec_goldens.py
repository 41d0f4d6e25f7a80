"""The golden values of the operators as whole specs, in three dtypes, on every backend.

The fixture is exact in every dtype. Values printed with twelve digits are held to that in f64 and
to a unit of storage elsewhere; the others are exact everywhere. The oracle must agree too.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mergec.backends import get_backend, installed_backends
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError, SourceText
from mergec.plan import check_text
from mergec.verify.evaluate import StoredTensor, evaluate
from mergec.verify.exact_value import exact
from mergec.verify.law_tensors import Floats, loaded, stored

BASE = np.array([1, -2, 0.5, 0, 3, -1])
A = np.array([0.5, -0.125, 0, 0.375, -0.25, 0.0625])
B = np.array([0.125, 0.375, -0.25, 0.375, 0.5, -0.0625])
C = np.array([-0.375, 0.25, 0.125, -0.75, 0.125, 0.1875])
F6 = {"base": BASE, "A": BASE + A, "B": BASE + B, "C": BASE + C}
AXES = {"A": np.array([3.0, 0, 0, 0]), "B": np.array([0, 4.0, 0, 0])}

deltas = "A - base, B - base, C - base"
backends = pytest.mark.parametrize("backend", installed_backends())
dtypes = pytest.mark.parametrize("dtype", [Dtype.F64, Dtype.F32, Dtype.BF16], ids=lambda d: d.word)

EXACT: Mapping[str, tuple[str, Sequence[float]]] = {
    "G1b": (
        "linear(A, B, C; weights=[1/2, 1/4, 1/4])",
        [1.1875, -1.90625, 0.46875, 0.09375, 3.03125, -0.9375],
    ),
    "G1c": (
        "linear(A, B, C; weights=[1, 1, -1], normalize=false)",
        [2, -2, 0.125, 1.5, 3.125, -1.1875],
    ),
    "G2a": (
        "base + 1/2*((A - base) + (B - base) + (C - base))",
        [1.125, -1.75, 0.4375, 0, 3.1875, -0.90625],
    ),
    "G2b": (
        "base + 1/2*(A - base) + 1/4*(B - base) + 1/4*(C - base)",
        [1.1875, -1.90625, 0.46875, 0.09375, 3.03125, -0.9375],
    ),
    "G2c": ("base - (A - base)", [0.5, -1.875, 0.5, -0.375, 3.25, -1.0625]),
    "G2d": ("B + (A - base)", [1.625, -1.75, 0.25, 0.75, 3.25, -1]),
    "G2e": (
        "base + 1/4*(A - base)",
        [1.125, -2.03125, 0.5, 0.09375, 2.9375, -0.984375],
    ),
    "G2e as scale": (
        "base + ((A - base) |> scale(by=0.25))",
        [1.125, -2.03125, 0.5, 0.09375, 2.9375, -0.984375],
    ),
    "G5a": ("(A - base) |> trim(density=1/2)", [0.5, 0, 0, 0.375, -0.25, 0]),
    "G5b": ("(B - base) |> trim(density=1/3)", [0, 0.375, 0, 0, 0.5, 0]),
    "G5c": ("(B - base) |> trim(density=1/3, ties=all)", [0, 0.375, 0, 0.375, 0.5, 0]),
    "G6a": (f"ties({deltas}; density=1)", [0.3125, 0.3125, -0.25, 0, 0.3125, 0.125]),
    "G6a with base": (
        "ties(base, A, B, C; density=1, agg=mean)",
        [1.3125, -1.6875, 0.25, 0, 3.3125, -0.875],
    ),
    "G6b": (
        f"ties({deltas}; density=1, zero=positive)",
        [0.3125, 0.3125, -0.25, 0.375, 0.3125, 0.125],
    ),
    "G6c": (
        f"ties({deltas}; density=1, zero=majority)",
        [0.3125, 0.3125, -0.25, 0.375, 0.3125, 0.125],
    ),
    "G6d": (
        f"ties({deltas}; density=1, zero=negative)",
        [0.3125, 0.3125, -0.25, -0.75, 0.3125, 0.125],
    ),
    "G6e": (f"ties({deltas}; density=1/2)", [0.5, 0.3125, 0, 0, 0.5, 0]),
    "G6f": (
        f"ties({deltas}; density=1, elect=count, zero=positive)",
        [0.3125, 0.3125, 0.125, 0.375, 0.3125, 0.125],
    ),
    "G6g": (
        f"ties({deltas}; density=1, agg=sum)",
        [0.625, 0.625, -0.25, 0, 0.625, 0.25],
    ),
    "G6h": (f"ties({deltas}; density=1, agg=max)", [0.5, 0.375, -0.25, 0, 0.5, 0.1875]),
    "G6j": (
        f"ties({deltas}; density=1, weights=[1/2, 1/4, 1/4], weight_stage=after, agg=mean, "
        "zero=positive)",
        [0.140625, 0.078125, -0.0625, 0.140625, 0.078125, 0.0390625],
    ),
    "G6k": ("(A - base) |> trim(density=2/3)", [0.5, -0.125, 0, 0.375, -0.25, 0]),
    "G6l": (
        f"ties({deltas}; density=2/3, agg=mean, zero=majority)",
        [0.5, 0.3125, -0.25, 0.375, 0.5, 0.1875],
    ),
    "dare A": ("(A - base) |> dare(density=1/2)", [1, 0, 0, 0, 0, 0]),
    "dare B": ("(B - base) |> dare(density=1/2)", [0, 0, -0.5, 0.75, 0, -0.125]),
    "dare C": ("(C - base) |> dare(density=1/2)", [0, 0, 0.25, -1.5, 0, 0]),
    "dare sum": (
        "base + dare(A - base; density=1/2) + dare(B - base; density=1/2)"
        " + dare(C - base; density=1/2)",
        [2, -2, 0.25, -0.75, 3, -1.125],
    ),
    "G24a": ("linear(B, C)", [0.875, -1.6875, 0.4375, -0.1875, 3.3125, -0.9375]),
    "G24b": (
        "linear(A, B, C; weights=[1, 1, 2])",
        [0.96875, -1.8125, 0.5, -0.1875, 3.125, -0.90625],
    ),
}

ROUNDED: Mapping[str, tuple[str, Sequence[float]]] = {
    "G1a": (
        "linear(A, B, C)",
        [1.08333333333, -1.83333333333, 0.458333333333, 0, 3.125, -0.9375],
    ),
    "G3a": (
        "slerp(A, B; t=1/4)",
        [
            *(1.41378419863, -2.01074652466, 0.439719093158),
            *(0.377102779449, 2.95467422094, -0.974299255008),
        ],
    ),
    "G3b": (
        "A |> slerp(B, t=0.25, norm=polar)",
        [
            *(1.41857664448, -2.01720699606, 0.44263188262),
            *(0.377314410273, 2.94833433524, -0.973513024555),
        ],
    ),
    "G3c": ("slerp(A, B; t=1/2) on axes", [2.12132034356, 2.82842712475, 0, 0]),
    "G3d": ("slerp(A, B; t=1/2, norm=polar) on axes", [2.47487373415, 2.47487373415, 0, 0]),
    "G3e": ("slerp(A, B; t=1/4) on axes", [2.77163859753, 1.53073372946, 0, 0]),
    "G3f": ("slerp(A, B; t=1/4, norm=polar) on axes", [3.00260848066, 1.24372115519, 0, 0]),
    "G3h": (
        "base + slerp(A - base, C - base; t=1/4)",
        [
            *(1.44365406469, -1.94502195817, 0.632713246398),
            *(-0.164934125476, 2.71181634446, -0.695705904919),
        ],
    ),
    "G6i": (
        f"ties({deltas}; density=1, weights=[1/2, 1/4, 1/4], zero=positive)",
        [0.375, 0.3125, -0.25, 0.375, 0.3125, 0.104166666667],
    ),
    "G24c": (
        "base + 1/2*slerp(A - base, B - base; t=1/2)",
        [
            *(1.21556468137, -1.91377412745, 0.413774127452),
            *(0.258677617644, 3.08622587255, -1),
        ],
    ),
}


@backends
@dtypes
@pytest.mark.parametrize("name", EXACT)
def test_exact_golden(name: str, dtype: Dtype, backend: str) -> None:
    expression, expected = EXACT[name]
    assert merged(expression, dtype, backend).tolist() == expected


@backends
@dtypes
@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_golden(name: str, dtype: Dtype, backend: str) -> None:
    expression, expected = ROUNDED[name]
    near = {Dtype.F64: 5e-12, Dtype.F32: 2.0**-23, Dtype.BF16: 2.0**-7}[dtype]
    np.testing.assert_allclose(merged(expression, dtype, backend), expected, rtol=near, atol=1e-14)


@pytest.mark.parametrize("name", [*EXACT, *ROUNDED])
def test_golden_of_the_oracle(name: str) -> None:
    expression, expected = {**EXACT, **ROUNDED}[name]
    text, sources = spec(expression)
    graph = check_text(SourceText("golden.merge", text)).graph
    found = [float(x) for x in exact(graph, {k: x.tolist() for k, x in sources.items()})]
    np.testing.assert_allclose(found, expected, rtol=0 if name in EXACT else 5e-12, atol=0)


@backends
def test_opposite_directions_have_no_arc(backend: str) -> None:
    with pytest.raises(MergecError) as caught:
        merged("slerp(A - base, base - A; t=1/2)", Dtype.F32, backend)
    assert [found.code for found in caught.value.diagnostics] == ["E808"]
    halfway = merged("slerp(A - base, base - A; t=1/2, antiparallel=lerp)", Dtype.F32, backend)
    assert halfway.tolist() == [0] * 6


@backends
@dtypes
def test_a_scalar_keeps_its_entry(dtype: Dtype, backend: str) -> None:
    text, _ = spec("(A - base) |> trim(density=0.3)")
    held = {
        label: {"w": StoredTensor(dtype, (), stored(np.array([x]), dtype).data)}
        for label, x in (("A", 3.0), ("base", 1.0))
    }
    found = evaluate(text, held, get_backend(backend))["w"]
    assert (found.shape, loaded(found).tolist()) == ((), 2.0)


def spec(expression: str) -> tuple[str, Mapping[str, Floats]]:
    """The text of a golden's spec and the sources it is evaluated on."""
    plain, _, on = expression.partition(" on ")
    sources = AXES if on else F6
    used = [label for label in sources if re.search(rf"\b{label}\b", plain)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in used)
    is_delta = re.match(r"(ties\(A - |\(|slerp\(A - )", plain) is not None
    kind = "delta " if is_delta else ""
    text = f"{head}child = {plain}\nexport {kind}child\n"
    return text, {label: sources[label] for label in used}


def merged(expression: str, dtype: Dtype, backend: str) -> Floats:
    """The result in float64, computed from sources stored in `dtype`."""
    text, sources = spec(expression)
    held = {label: {"w": stored(x, dtype)} for label, x in sources.items()}
    found = evaluate(text, held, get_backend(backend))["w"]
    assert found.dtype is dtype
    return loaded(found)
