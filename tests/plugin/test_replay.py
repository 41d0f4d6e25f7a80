"""A tape computes what its kernel says: on every backend, with the same bits."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.backends import Backend, get_backend
from mergec.catalog import Dtype
from mergec.ops import Params
from mergec.plugin import parameter
from mergec.plugin.declare import Declared
from mergec.plugin.stage import COUNT, PluginStage
from tests.ops.stage_runner import installed_backends, run_stage

BACKENDS = installed_backends()
REFERENCE = get_backend("reference")
Kernel = Callable[..., Any]


def stage(kernel: Kernel, count: int, *, approximate: bool = False) -> PluginStage:
    declared = Declared("mine", 1, 1, "models", (count, count), (), (), False, approximate, kernel)
    return PluginStage(declared, "a test")


def computed(
    kernel: Kernel,
    operands: Sequence[Any],
    backend: Backend,
    work: Dtype = Dtype.F32,
    *,
    approximate: bool = False,
) -> Any:
    params: Params = {COUNT: len(operands)}
    kind = np.float32 if work is Dtype.F32 else np.float64
    arrays = [np.array(x, kind) for x in operands]
    return run_stage(
        stage(kernel, len(operands), approximate=approximate), backend, arrays, params, work=work
    )


VALUES = (0.0, -0.0, 1.0, -1.0, 3.0, 0.1, -7.25, 1e30)
TINY = (2.0**-100, 2.0**-126, -(2.0**-149))
# What a kernel of `a` and `b` says, and what numpy computes for it; `f` is the work dtype.
SAID = {
    "a + b": "a + b",
    "a - b": "a - b",
    "a * b": "a * b",
    "a / xp.where(b == 0, 1, b)": "a / np.where(b == 0, f(1), b)",
    "1 / 3 - a": "f(1 / 3) - a",
    "(1 / 3) * a": "f(1 / 3) * a",
    "1 / (1 + abs(a)) + 5": "f(1) / (f(1) + np.abs(a)) + f(5)",
    "-a": "-a",
    "+xp.square(a)": "a * a",
    "xp.sqrt(abs(a))": "np.sqrt(np.abs(a))",
    "xp.sign(a) + b": "(np.sign(a) + f(0)) + b",
    "xp.maximum(a, b)": "np.where(a >= b, a, b)",
    "xp.minimum(0.1, b)": "np.where(f(0.1) <= b, f(0.1), b)",
    "xp.where((a < b) & ~(b >= 1), a, 2)": "np.where((a < b) & ~(b >= 1), a, f(2))",
    "xp.where((a != b) | (0 < b), 1, 2)": "np.where((a != b) | (b > 0), f(1), f(2))",
    "xp.where((a <= 3) ^ (b == 3), a, b)": "np.where((a <= 3) ^ (b == 3), a, b)",
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("work", [Dtype.F32, Dtype.F64])
def test_every_operation_has_the_bits_of_numpy(backend: Backend, work: Dtype) -> None:
    f: Any = np.float32 if work is Dtype.F32 else np.float64
    # A backend that flushes what is subnormal says so.
    values = (*VALUES, *(TINY if backend.subnormals else ()))
    a: Any = np.array([x for x in values for _ in values], f)
    b: Any = np.array([y for _ in values for y in values], f)
    for text, meant in SAID.items():
        with np.errstate(all="ignore"):
            expected = eval(meant, {"np": np, "f": f, "a": a, "b": b})
        found = computed(said(text), [a, b], backend, work)
        assert found.tobytes() == expected.astype(f).tobytes(), text


def said(text: str) -> Kernel:
    made: Kernel = eval(f"lambda xp, a, b: {text}")
    return made


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_of_the_tensor_are_computed_in_float64(backend: Backend) -> None:
    x = [3.0, -4.0, 12.0]

    def unit(xp: Any, a: Any) -> Any:
        return a / xp.sqrt(xp.sum(xp.square(a)))

    def centred(xp: Any, a: Any) -> Any:
        return a - xp.mean(a)

    def guarded(xp: Any, a: Any) -> Any:
        none = xp.sum(abs(a)) == 0
        return xp.where(none | (xp.mean(a) < 0), 7, a * xp.where(none, 1, 2))

    assert computed(unit, [x], backend).tolist() == [np.float32(v / 13) for v in x]
    mean = np.float32(11 / 3)
    assert computed(centred, [x], backend).tolist() == [np.float32(v) - mean for v in x]
    assert computed(guarded, [x], backend).tolist() == [6, -8, 24]
    assert computed(guarded, [[0.0, 0.0]], backend).tolist() == [7, 7]
    assert computed(guarded, [[-2.0, 1.0]], backend).tolist() == [7, 7]


@pytest.mark.parametrize("backend", BACKENDS)
def test_library_functions_are_near(backend: Backend) -> None:
    def kernel(xp: Any, a: Any) -> Any:
        return xp.exp(a) + xp.tanh(a) * xp.tanh(xp.mean(a))

    x = [0.0, 1.0, -2.0]
    expected = np.exp(x) + np.tanh(x) * np.tanh(np.mean(x))
    assert np.allclose(computed(kernel, [x], backend, approximate=True), expected, rtol=1e-6)


@given(st.lists(st.floats(-8, 8, width=32), max_size=20), st.integers(1, 20))
def test_block_size_does_not_matter(values: list[float], times: int) -> None:
    def kernel(xp: Any, a: Any) -> Any:
        return a - xp.mean(abs(a - xp.mean(a)))

    data = [np.array(values * times * 500, np.float32)]
    small, large = (
        run_stage(stage(kernel, 1), REFERENCE, data, {COUNT: 1}, work=Dtype.F32, block=1 << size)
        for size in (16, 20)
    )
    assert small.tobytes() == large.tobytes()


@pytest.mark.parametrize(
    ("text", "stored", "contracts"),
    [
        ("a + b / 3", (None, None), False),
        ("a * 0.25 + b * -2", (None, None), False),
        ("a * 0.3 + b", (None, None), True),
        ("a * 0.3 + b", (Dtype.BF16, None), True),
        ("a * b", (Dtype.BF16, Dtype.F16), False),
        ("a * b", (Dtype.F32, Dtype.BF16), True),
        ("a * xp.sum(b)", (Dtype.BF16, Dtype.BF16), True),
        ("xp.where(xp.sum(a) * 3 > 1, a, b)", (None, None), False),
    ],
)
def test_only_products_that_round_make_a_result_contractible(
    text: str, stored: tuple[Dtype | None, ...], contracts: bool
) -> None:
    assert stage(said(text), 2).contractible({COUNT: 2}, stored, Dtype.F32) is contracts


def test_parameters_are_rounded_once_to_the_work_dtype() -> None:
    def kernel(xp: Any, x: Any, by: float) -> Any:
        return x * by

    given = (parameter("by", "a factor"),)
    declared = Declared("mine", 1, 1, "models", (1, 1), given, (), False, False, kernel)
    made = PluginStage(declared, "a test")
    params: Params = {"by": Fraction(1, 10), COUNT: 1}
    for work, expected in ((Dtype.F32, float(np.float32(0.1))), (Dtype.F64, 0.1)):
        assert made.tape(params, 1, work).operations[0].args[1] == expected
