"""The golden values of operators on matrices and with statistics, on every backend."""

from collections.abc import Mapping

import numpy as np
import pytest

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError
from mergec.verify.evaluate import evaluate
from mergec.verify.law_tensors import Floats, loaded, stored
from tests.ops.fixture_f6 import MODELS
from tests.ops.stage_runner import installed_backends

backends = pytest.mark.parametrize("backend", installed_backends())

H = np.array([[2.0, 1, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 2]])
K = np.array([[1.0, 0, 1, 0], [2, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]])
X1 = np.array([[1.0, 0], [2, 1], [0, 1]])
X2 = np.array([[0.0, 1], [1, 1], [1, -1]])
W1 = np.array([[1.0, 2], [0, 1]])
W2 = np.array([[2.0, 0], [1, 1]])
LINEAR = {"a": W1, "b": W2, "ga": X1.T @ X1, "gb": X2.T @ X2}
COUNTING = np.arange(1.0, 7)


def merged(
    backend: Backend, expression: str, tensors: Mapping[str, Floats], dtype: Dtype = Dtype.F64
) -> Floats:
    """An expression over sources called as in `tensors`."""
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in tensors)
    files = {label: {"w": stored(np.asarray(x), dtype)} for label, x in tensors.items()}
    return loaded(evaluate(f"{head}result = {expression}\nexport result\n", files, backend)["w"])


def over(base: Floats, *models: Floats) -> dict[str, Floats]:
    """A base, and models `a`, `b` ... that differ from it by these deltas."""
    return {"base": base, **{k: base + x for k, x in zip("abc", models, strict=False)}}


def refusal(backend: Backend, expression: str, tensors: Mapping[str, Floats]) -> str:
    """The code and message with which a run refuses."""
    with pytest.raises(MergecError) as caught:
        merged(backend, expression, tensors)
    (found,) = caught.value.diagnostics
    assert found.help
    return f"{found.code} {found.message}"


ISO_C = {
    "G18a": (
        over(np.zeros((3, 3)), np.diag([2.0, 1, 0]), np.diag([0, 1.0, 2])),
        [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
    ),
    "G18c": (
        over(np.zeros((4, 4)), H, K),
        [
            [2.46625765395, -0.54205500101, 0.0466173551911, 0.0914276939792],
            [0.54371780537, 2.46313984802, -0.154460264275, 0.0154176777991],
            [-0.010465265175, 0.160749419469, 2.52156643437, -0.0503533539694],
            [-0.0928291522096, 0.00779294072991, 0.0495399520172, 2.5250050401],
        ],
    ),
}

TSVM = {
    "G19a": (
        over(np.zeros((4, 4)), np.diag([4.0, 3, 0, 0]), np.diag([0, 0, 2.0, 1])),
        [[4, 0, 0, 0], [0, 3, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]],
    ),
    "G19b": (
        over(np.zeros((4, 4)), H, K),
        [
            [1.31098908384, 1.99248231804, -0.609541828256, 0.205971595697],
            [1.9772324391, -1.00700755183, 0.987851619998, 0.23807165908],
            [-0.0207764364247, 0.639168063773, 1.71801935226, -0.217541715651],
            [-0.0326705814702, 0.129493470918, -0.211222811963, 2.39615075119],
        ],
    ),
}

REGMEAN = {
    "1": [[1.70967741935, 0.516129032258], [0.322580645161, 0.870967741935]],
    "0.9": [[1.65491183879, 0.564231738035], [0.314861460957, 0.886649874055]],
    "0": [[1.28571428571, 0.8], [0.285714285714, 1]],
}


@backends
@pytest.mark.parametrize("golden", ISO_C)
def test_iso_c(backend: Backend, golden: str) -> None:
    tensors, expected = ISO_C[golden]
    near(merged(backend, "iso_c(base, a, b)", tensors), expected)


@backends
def test_the_level_of_iso_c(backend: Backend) -> None:
    values = np.linalg.svd(H + K, compute_uv=False)
    near(values, [4.86275408453, 3.06864329354, 1.97371435086, 0.203722143133])
    found = merged(backend, "iso_c(base, a, b)", over(np.zeros((4, 4)), H, K))
    near(np.linalg.svd(found, compute_uv=False), [2.52720846802] * 4)


@backends
@pytest.mark.parametrize("golden", TSVM)
def test_tsvm(backend: Backend, golden: str) -> None:
    tensors, expected = TSVM[golden]
    near(merged(backend, "tsvm(base, a, b)", tensors), expected)


@backends
@pytest.mark.parametrize("dtype", [Dtype.F64, Dtype.F32, Dtype.BF16])
def test_fisher(backend: Backend, dtype: Dtype) -> None:
    tensors = {"a": MODELS[0], "b": MODELS[1], "fa": COUNTING, "fb": COUNTING[::-1].copy()}
    found = merged(backend, "fisher(a, b; fishers=[fa, fb])", tensors, dtype)
    expected = [
        *(1.17857142857, -1.76785714286, 0.357142857143),
        *(0.375, 2.96428571429, -0.955357142857),
    ]
    rounding = {Dtype.F64: 5e-12, Dtype.F32: 2.0**-24, Dtype.BF16: 2.0**-8}[dtype]
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=0)


@backends
@pytest.mark.parametrize("alpha", REGMEAN)
def test_regmean(backend: Backend, alpha: str) -> None:
    found = merged(backend, f"regmean(a, b; grams=[ga, gb], alpha={alpha}, ridge=0)", LINEAR)
    near(found, REGMEAN[alpha])
    ridged = merged(backend, f"regmean(a, b; grams=[ga, gb], alpha={alpha})", LINEAR)
    np.testing.assert_allclose(ridged, REGMEAN[alpha], rtol=1e-7)


@backends
def test_what_is_no_matrix_gets_the_mean(backend: Backend) -> None:
    rows = over(np.ones(3), np.array([1.0, 2, 4]), np.array([3.0, 0, 0]))
    for operator in ("iso_c", "tsvm"):
        assert merged(backend, f"{operator}(base, a, b)", rows).tolist() == [3, 2, 3]
        scaled = merged(backend, f"{operator}(base, a, b; scale=1/2)", rows)
        assert scaled.tolist() == [2, 1.5, 2]
    statistics = {**rows, "ga": np.ones(3), "gb": np.ones(3)}
    text = "regmean(a, b; grams=[ga, gb], weights=[3, 1])"
    assert merged(backend, text, statistics).tolist() == [2.5, 2.5, 4]


@backends
@pytest.mark.parametrize("operator", ["iso_c", "tsvm"])
def test_a_convolution_is_a_matrix_of_its_filters(backend: Backend, operator: str) -> None:
    flat = over(np.ones((4, 4)), H, K)
    as_filters = {k: x.reshape(4, 2, 1, 2) for k, x in flat.items()}
    found = merged(backend, f"{operator}(base, a, b)", as_filters)
    assert found.shape == (4, 2, 1, 2)
    near(found.reshape(4, 4), merged(backend, f"{operator}(base, a, b)", flat))


@backends
@pytest.mark.parametrize("operator", ["iso_c", "tsvm"])
@pytest.mark.parametrize("dtype", [Dtype.BF16, Dtype.F32, Dtype.F64])
def test_a_tensor_that_nobody_changed_keeps_its_bits(
    backend: Backend, operator: str, dtype: Dtype
) -> None:
    frozen = over(np.array([[1.5, -0.0, 0.25], [3, 2, -1]]), np.zeros((2, 3)), np.zeros((2, 3)))
    found = merged(backend, f"{operator}(base, a, b; scale=3)", frozen, dtype)
    assert found.tobytes() == frozen["base"].tobytes()


@backends
def test_a_delta_of_zeros_takes_no_part_in_tsvm(backend: Backend) -> None:
    tensors = over(np.zeros((4, 4)), np.diag([4.0, 3, 0, 0]), np.zeros((4, 4)))
    near(merged(backend, "tsvm(base, a, b)", tensors), np.diag([4.0, 3, 0, 0]))


@backends
def test_low_rank_is_refused_or_flattened_where_it_is(backend: Backend) -> None:
    low = over(np.zeros((3, 3)), np.diag([3.0, 0, 0]), np.diag([0, 1.0, 0]))
    said = "E817 the summed delta of `w` has rank 2 of 3, so its missing directions are arbitrary"
    assert refusal(backend, "iso_c(base, a, b)", low) == said
    near(merged(backend, "iso_c(base, a, b; level=rank)", low), np.diag([2.0, 2, 0]))
    near(merged(backend, "iso_c(base, a, b; level=full)", low), np.diag([4 / 3, 4 / 3, 0]))
    nearly = over(np.zeros((2, 2)), np.diag([1.0, 1e-3]))
    near(merged(backend, "iso_c(base, a)", nearly), np.diag([0.5005, 0.5005]))
    assert refusal(backend, "iso_c(base, a; rank_tol=0.01)", nearly).startswith("E817")


@backends
def test_a_shared_direction_has_no_orthogonal_pair(backend: Backend) -> None:
    same = over(np.zeros((4, 4)), H, 2 * H)
    assert refusal(backend, "tsvm(base, a, b)", same) == (
        "E817 two deltas of `w` share a singular direction"
    )


@backends
def test_statistics_that_are_none_are_refused(backend: Backend) -> None:
    tensors = {"a": np.ones(2), "b": np.ones(2), "f": np.array([0.0, 1]), "g": np.array([0.0, -1])}
    assert refusal(backend, "fisher(a, b; fishers=[f, g])", tensors) == (
        "E817 a Fisher tensor of `w` has negative values"
    )
    assert refusal(backend, "fisher(a, b; fishers=[f, f], floor=0)", tensors) == (
        "E817 in `w` all Fisher values of some entry are 0"
    )
    lopsided = {**LINEAR, "ga": np.array([[1.0, 2], [0, 1]])}
    assert refusal(backend, "regmean(a, b; grams=[ga, gb])", lopsided) == (
        "E817 a Gram matrix of `w` is not symmetric"
    )
    flat = {**LINEAR, "ga": np.ones((2, 2)), "gb": np.ones((2, 2))}
    assert refusal(backend, "regmean(a, b; grams=[ga, gb], alpha=1, ridge=0)", flat) == (
        "E817 the Gram matrices of `w` do not determine its merge"
    )


@backends
def test_where_nobody_has_information_the_floor_decides(backend: Backend) -> None:
    tensors = {
        "a": np.array([1.0, 1]),
        "b": np.array([3.0, 3]),
        "fa": np.array([0.0, 1]),
        "fb": np.array([0.0, 3]),
    }
    call = "fisher(a, b; fishers=[fa, fb]"
    assert merged(backend, f"{call})", tensors).tolist() == [2, 2.5]
    assert merged(backend, f"{call}, floor_on=first)", tensors).tolist() == [1, 2.5]
    turned = "fisher(b, a; fishers=[fb, fa], floor_on=first)"
    assert merged(backend, turned, tensors).tolist() == [3, 2.5]
    assert merged(backend, f"{call}, weights=[1, 3])", tensors).tolist() == [2.5, 2.8]


@backends
def test_inputs_that_never_occur_leave_the_mean(backend: Backend) -> None:
    silent = {**LINEAR, "ga": np.zeros((2, 2)), "gb": np.zeros((2, 2))}
    found = merged(backend, "regmean(a, b; grams=[ga, gb])", silent)
    assert found.tolist() == ((W1 + W2) / 2).tolist()
    assert refusal(backend, "regmean(a, b; grams=[ga, gb], ridge=0)", silent).startswith("E817")
    # One column that no input reaches: the ridge leaves it at the mean.
    half = {**LINEAR, "ga": np.diag([4.0, 0]), "gb": np.diag([1.0, 0])}
    near(merged(backend, "regmean(a, b; grams=[ga, gb])", half), [[1.2, 1], [0.2, 1]], 1e-7)


def near(found: Floats, expected: object, rtol: float = 5e-12) -> None:
    """To the twelve digits of the goldens."""
    np.testing.assert_allclose(found, np.asarray(expected, np.float64), rtol=rtol, atol=1e-12)
