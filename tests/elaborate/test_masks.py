"""Random masks: what their key is made of."""

import pytest

from mergec.ir import Value
from tests.elaborate.checked_specs import Finding, check, nodes, warnings

UNIT = "\x1f"


def masks(*lines: str) -> list[tuple[Value, Value]]:
    """Role and label of each mask of a spec, in the order of its nodes."""
    drops = nodes(check(*lines), "dare")
    return [(node.param("role"), node.param("label")) for node in drops]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("dare(code - base; density=0.5)", [("dare", "./code")]),
        ("dare(2*(code - base); density=0.5)", [("dare", "./code")]),
        ("(code - base) |> trim(density=0.5) |> dare(density=0.5)", [("dare", "./code")]),
        (
            "(code - base) |> dare(density=0.5) |> dare(density=0.5)",
            [("dare", "./code"), ("dare#1", "./code")],
        ),
        (
            '(code - base) |> dare(density=0.5) |> scale(by=2) |> dare(density=0.5, stream="s")',
            [("dare", "./code"), ("dare#1/s", "./code")],
        ),
        ('dare(code - base; density=0.5, stream="s")', [("dare/s", "./code")]),
        ("dare((code - base) + (math - base); density=0.5)", [("dare", f"./code{UNIT}./math")]),
        ("dare(linear(math - base, code - base); density=0.5)", [("dare", f"./code{UNIT}./math")]),
        (
            "linear(dare(code - base; density=0.5), dare(math - base; density=0.5))",
            [("dare", "./code"), ("dare", "./math")],
        ),
    ],
)
def test_role_and_label(expression: str, found: list[tuple[str, str]]) -> None:
    assert masks(f"child = base + ({expression})") == found


def test_the_label_is_the_id_of_the_source() -> None:
    lines = 'x = model("./x", id="code-v2")', "child = base + dare(x - base; density=0.5)"
    assert masks(*lines) == [("dare", "code-v2")]


def test_seed_and_density_are_exact_and_always_there() -> None:
    (node,) = nodes(check("child = base + dare(code - base; density=1/3)"), "dare")
    assert node.param("seed") == 0
    assert str(node.param("density")) == "1/3"
    (node,) = nodes(check("child = base + dare(code - base; density=1, seed=7)"), "dare")
    assert (node.param("seed"), type(node.param("seed"))) == (7, int)


FIRST = "dare(code - base; density=0.5)"


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ("dare(code - base; density=0.3)", [("W302", "dare(code - base; density=0.3)")]),
        (
            "2*dare(2*(code - base); density=0.5)",
            [("W302", "2*dare(2*(code - base); density=0.5)")],
        ),
        ("2*dare(code - base; density=0.5)", []),
        ("dare(code - base; density=0.3, seed=1)", []),
        ('dare(code - base; density=0.3, stream="s")', []),
        ("dare(math - base; density=0.5)", []),
    ],
)
def test_equal_masks_that_meet_are_a_warning(other: str, found: list[Finding]) -> None:
    for spec in (
        f"ties(base, math, {FIRST}, {other})",
        f"base + {FIRST} + {other} + 0*(math - base)",
    ):
        assert warnings(f"child = {spec}") == found


def test_a_mask_does_not_depend_on_where_it_stands() -> None:
    alone = nodes(check("child = base + dare(code - base; density=0.5)"), "dare")
    among = check("child = ties(base, math, (code - base) |> dare(density=0.5))")
    assert nodes(among, "dare") == alone
