"""The golden values of the entrywise and spherical operators as whole specs, on every backend.

The fixture is exact in every dtype. Values printed with twelve digits are held to that in f64 and
to a unit of storage elsewhere; the others are exact everywhere. What a tie yields is written out
where the operators that the values come from take it for positive.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.verify.evaluate import evaluate, exports_a_delta
from mergec.verify.law_tensors import Floats, loaded, stored
from tests.laws.test_spec_goldens import F6
from tests.ops.stage_runner import installed_backends

backends = pytest.mark.parametrize("backend", installed_backends())
dtypes = pytest.mark.parametrize("dtype", [Dtype.F64, Dtype.F32, Dtype.BF16], ids=lambda d: d.word)

deltas = "A - base, B - base, C - base"
thirds = ", ".join(f"trim({label} - base; density=1/3)" for label in "ABC")
crumbs = "density=1/2, gamma=1/5"

EXACT: Mapping[str, tuple[str, Sequence[float]]] = {
    "G8a": (f"breadcrumbs(A - base; {crumbs})", [0, -0.125, 0, 0.375, -0.25, 0]),
    "G8b": (
        "base + " + " + ".join(f"breadcrumbs({label} - base; {crumbs})" for label in "ABC"),
        [0.625, -1.5, 0.25, 0.75, 2.75, -0.8125],
    ),
    "G11": ("nearswap(base, A; limit=1/4)", [1.25, -2.125, 0.5, 0.25, 2.75, -0.9375]),
    "G15b": (f"consensus({deltas})", [0.25, 0.5, -0.125, 0, 0.375, 0.1875]),
    "G15b with base": ("consensus(base, A, B, C)", [1.25, -1.5, 0.375, 0, 3.375, -0.8125]),
    "G15f": (f"magmax({deltas})", [0.5, 0.375, -0.25, -0.75, 0.5, 0.1875]),
    "G15f, opposite": ("magmax(A - base, -1*(A - base); zero=drop)", [0] * 6),
    "G16a": (f"ram({thirds})", [0.0625, 0.375, 0, -0.1875, 0.5, 0]),
    "median, odd": ("median(A, B, C)", [1.125, -1.75, 0.5, 0.375, 3.125, -0.9375]),
    "median, even": ("median(A, B)", [1.3125, -1.875, 0.375, 0.375, 3.125, -1]),
    "median, lower": ("median(A, B; even=lower)", [1.125, -2.125, 0.25, 0.375, 2.75, -1.0625]),
    "opposite deltas": ("model_stock(A - base, -1*(A - base))", [0] * 6),
    "lines": (
        "lines(A - base; alpha=1/4, beta=3/4)",
        [0.125, -0.03125, 0, 0.09375, -0.0625, 2**-6],
    ),
}

ROUNDED: Mapping[str, tuple[str, Sequence[float]]] = {
    "G4a": (
        "nlerp(A, B, C)",
        [
            *(1.09977089929, -1.87253074961, 0.472755750003),
            *(-0.0137201830257, 3.17911999042, -0.952403713432),
        ],
    ),
    "G4b": (
        "karcher(A, B, C)",
        [
            *(1.09937287616, -1.87277727916, 0.47313161649),
            *(-0.0147757101453, 3.17909469649, -0.952260485922),
        ],
    ),
    "G4c": (
        "karcher(A, B, C; weights=[1/2, 1/4, 1/4])",
        [
            *(1.20501876423, -1.94349140606, 0.481726510432),
            *(0.0840692457724, 3.08059207097, -0.951685938542),
        ],
    ),
    "G4d": (
        f"karcher({deltas})",
        [
            *(0.42575698614, 0.522013507316, -0.109140569893),
            *(0.0302275814617, 0.307269988705, 0.264275873315),
        ],
    ),
    "G4e": (
        f"nlerp({deltas})",
        [
            *(0.411544025053, 0.494006088679, -0.157599276094),
            *(0.174798130611, 0.356265741209, 0.187406963748),
        ],
    ),
    "G9b": (
        f"sce({deltas}; zero=positive)",
        [0.28821942446, 0.303040540541, -0.25, 0.375, 0.284121621622, 0.142215568862],
    ),
    "G9d": (
        f"sce({deltas}; tau=1/2, zero=positive)",
        [0.322727272727, 0, 0, 0.375, 0.260416666667, 0],
    ),
    "G9e": (
        f"sce({deltas}; tau=1/2, zero=positive, merge=all)",
        [0.322727272727, 0.295138888889, -0.25, 0.375, 0.260416666667, 0.139166666667],
    ),
    "G10b": (
        "model_stock(base, A, B)",
        [1.03020791227, -1.98791683509, 0.487916835093, 0.0362494947211, 3.01208316491, -1],
    ),
    "G16b": (
        f"ram({thirds}; r=1/10, alpha=2)",
        [0.0625, 0.375, 0, -0.1875, 0.5, 0],
    ),
}


@backends
@dtypes
@pytest.mark.parametrize("name", EXACT)
def test_exact_golden(name: str, dtype: Dtype, backend: Backend) -> None:
    expression, expected = EXACT[name]
    assert merged(expression, dtype, backend).tolist() == list(expected)


@backends
@dtypes
@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_golden(name: str, dtype: Dtype, backend: Backend) -> None:
    expression, expected = ROUNDED[name]
    near = {Dtype.F64: 5e-12, Dtype.F32: 2**-23, Dtype.BF16: 2**-7}[dtype]
    found = merged(expression, dtype, backend)
    np.testing.assert_allclose(found, expected, rtol=near, atol=near / 10)


@backends
@pytest.mark.parametrize("operator", ["nlerp", "karcher"])
def test_directions_that_cancel_have_no_mean(operator: str, backend: Backend) -> None:
    with pytest.raises(MergecError) as caught:
        merged(f"{operator}(A - base, -1*(A - base))", Dtype.F32, backend)
    assert [found.code for found in caught.value.diagnostics] == ["E817"]


@backends
def test_a_ratio_that_is_guarded_is_no_number_between_0_and_1(backend: Backend) -> None:
    for settings in ("guard=error", "guard=none, estimator=gram"):
        pair = "A - base, -1*(A - base)"
        with pytest.raises(MergecError) as caught:
            merged(f"model_stock({pair}; {settings})", Dtype.F32, backend)
        assert [found.code for found in caught.value.diagnostics] == ["E817"]


def test_an_iteration_that_does_not_settle_says_so() -> None:
    with pytest.raises(MergecError) as caught:
        merged(f"karcher({deltas}; max_iter=5)", Dtype.F32, get_backend("reference"))
    (found,) = caught.value.diagnostics
    assert found.code == "E817"
    assert found.message == ("the operands' `w` have no mean on the sphere: 5 steps did not settle")


def merged(expression: str, dtype: Dtype, backend: Backend) -> Floats:
    """The result in float64, computed from sources stored in `dtype`."""
    text = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in F6)
    text += f"result = {expression}\n"
    kind = "delta " if exports_a_delta(text) else ""
    held = {label: {"w": stored(x, dtype)} for label, x in F6.items()}
    return loaded(evaluate(f"{text}export {kind}result\n", held, backend)["w"])
