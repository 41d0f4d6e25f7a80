"""A kernel is recorded, and what it may not do is refused in words."""

import pytest

from mergec.plugin.print_tape import print_tape
from mergec.plugin.record import MOST_OPERATIONS, Namespace, Recorded, Refusal, record
from mergec.plugin.tape import Tape


def tape(body: str, operands: int = 2, *, approximate: bool = False, **settings: object) -> Tape:
    names = ", ".join(["xp", *"ab"[:operands], *settings])
    space: dict[str, object] = {}
    exec(f"def kernel({names}):\n" + "".join(f"    {x}\n" for x in body.split("\n")), space)
    kernel = space["kernel"]
    assert callable(kernel)
    return record(kernel, operands, settings, approximate=approximate)


def refusal(body: str) -> Refusal:
    with pytest.raises(Refusal) as found:
        tape(body)
    return found.value


def test_a_tape_prints_as_a_formula() -> None:
    found = tape("d = a - b\nreturn xp.where(abs(d) > t, d * -2, 1 / (b + a)) - d", t=0.25)
    assert print_tape(found) == [
        "v1 = x1 - x2",
        "out = where(abs(v1) > 0.25, v1 * (-2), 1 / (x2 + x1)) - v1",
    ]


def test_the_same_operation_is_recorded_once_and_what_is_not_used_is_not() -> None:
    assert tape("c = a * b * 3\nreturn a * b + a * b") == tape("m = a * b\nreturn m + m")


def test_numbers_that_do_nothing_leave_nothing() -> None:
    assert tape("return (sum([a, b]) * 1 - 0) / 1.0") == tape("return a + b")


def test_a_negative_zero_is_not_a_zero() -> None:
    assert print_tape(tape("return a * -0.0")) == ["out = x1 * (-0.0)"]
    assert print_tape(tape("return a * 0.0 - a * -0.0")) == ["out = (x1 * 0) - (x1 * (-0.0))"]


def test_sums_say_how_many_passes_precede_the_result() -> None:
    assert tape("return a + b").sweeps == 0
    assert tape("return a * xp.sum(a) / xp.sum(b)").sweeps == 1
    assert tape("return a - xp.mean(xp.abs(a - xp.mean(a)))").sweeps == 2
    assert tape("xp.sum(a)\nreturn b").sweeps == 0


def test_the_most_values_at_one_time_are_counted() -> None:
    assert tape("return ((a + b) * a) / b").held() == 2
    assert tape("return (a + b) * (a - b) / (a * b)").held() == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("if a > 0: return a\nreturn b", "decides by the value of an array"),
        ("while xp.sum(a) > 1: a = a / 2\nreturn a", "decides by the value of an array"),
        ("return max(a, b)", "decides by the value of an array"),
        ("return a if a == b and b else b", "decides by the value of an array"),
        ("return sum(a)", "looks into an array"),
        ("return a[0]", "looks into an array"),
        ("return a * len(a)", "looks into an array"),
        ("return a * float(b)", "looks into an array"),
        ("return a @ b", "looks into an array"),
        ("return a ** 2", "uses `**`"),
        ("return a.mean() * b", "asks an array for `.mean`"),
        ("return a * a.shape[0]", "asks an array for `.shape`"),
        ("return xp.cumsum(a)", "uses `xp.cumsum`, which is not in interface 1"),
        ("return xp.exp(a)", "uses `xp.exp`, whose last bits differ between libraries"),
        ("return a + (b > 0)", "`+` is applied to a mask"),
        ("return xp.where(b, a, b)", "`xp.where` needs a mask first"),
        ("return xp.where(True, a, b)", "`xp.where` needs a mask first"),
        ("return a & b", "`&` needs masks"),
        ("return (a > 0) & True", "`&` needs masks"),
        ("return a + 'b'", "computes with a value of type `str`"),
        ("return a + [b]", "computes with a value of type `list`"),
        ("return a + True", "computes with the number `True`"),
        ("return a * float('nan')", "computes with the number nan"),
        ("return a * 10**400", "computes with the number inf"),
        ("return xp.sqrt(2.0) * a", "gives `xp.sqrt` the number `2.0`"),
        ("return xp.sum(a > 0) * a", "`xp.sum` needs an array"),
        ("import numpy\nreturn numpy.abs(a) + numpy.add(a, b)", "computes"),
    ],
)
def test_what_no_kernel_may_do_is_refused(body: str, said: str) -> None:
    if "numpy" in body:
        with pytest.raises((Refusal, TypeError)):
            tape(body)
        return
    found = refusal(body)
    assert (found.code, found.message[: len(said)]) == ("E607", said)
    assert found.help


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "returns nothing, not an array"),
        ("return 1", "returns the number `1`, not an array"),
        ("return a, b", "returns a value of type `tuple`, not an array"),
        ("return a > b", "returns a mask, not an array"),
        ("return xp.sum(a)", "returns a number of the whole tensor, not an array"),
        ("return xp.sum(a) > 0", "returns a condition on the whole tensor, not an array"),
    ],
)
def test_what_is_no_array_is_no_result(body: str, said: str) -> None:
    found = refusal(body)
    assert (found.code, found.message) == ("E819", said)


def test_a_kernel_may_branch_by_its_parameters_and_loop_over_operands() -> None:
    body = "for _ in range(steps): a = a + b\nreturn a if keep else b"
    assert tape(body, steps=3, keep=True) == tape("return a + b + b + b")


def test_an_array_of_another_call_is_refused() -> None:
    kept: list[Recorded] = []

    def kernel(xp: Namespace, a: Recorded) -> Recorded:
        kept.append(a)
        return a + kept[0]

    record(kernel, 1, {}, approximate=False)
    with pytest.raises(Refusal, match="uses an array of another call"):
        record(kernel, 1, {}, approximate=False)


def test_a_kernel_has_an_end() -> None:
    found = refusal("while True: a = a + b")
    assert found.message == f"takes more than {MOST_OPERATIONS:,} operations"


def test_a_long_formula_is_cut_short() -> None:
    lines = print_tape(tape("for _ in range(500): a = (a + b) * a\nreturn a"))
    assert len(lines) < 30
    assert max(map(len, lines)) < 420
    chain = print_tape(tape("for i in range(700): a = (a + b) / (i + 2)\nreturn a"))
    assert max(map(len, chain)) < 420
