"""Statistics given as sources: `fisher(a, b; fishers=[fa, fb])`."""

from collections.abc import Sequence

import pytest

from mergec.ir import part_statistics
from mergec.ops import OPERATORS
from tests.elaborate.checked_specs import SOURCES, check, mistakes, nodes, warnings, written
from tests.elaborate.test_expand import elaborated, expanded

STATISTICS = 'f = model("./f")\ng = model("./g")\nh = model("./h")\n'


def of(*lines: str) -> str:
    """The key of what is exported."""
    return written(STATISTICS, *lines)


def labels(expression: str) -> tuple[list[str], list[str]]:
    """The labels of what a call combines and of its statistics, in canonical order."""
    checked = check(STATISTICS, f"child = {expression}")
    (node,) = [node for node in checked.graph.nodes() if node.op in ("fisher", "regmean")]
    found = part_statistics(node.operands, dict(node.params))
    combined, statistics = (
        [str(checked.graph.leaves(key)[0].param("label")) for key in keys] for keys in found
    )
    return combined, statistics


def test_statistics_move_along_in_canonical_order() -> None:
    here = ["./code", "./math"], ["./f", "./g"]
    assert labels("fisher(code, math; fishers=[f, g])") == here
    assert labels("fisher(math, code; fishers=[g, f])") == here
    assert labels("fisher(math, code; fishers=[f, g])") == (["./code", "./math"], ["./g", "./f"])
    assert of("child = fisher(base, code, math; fishers=[h, f, g], weights=[3, 1, 2])") == of(
        "child = fisher(base, math, code; fishers=[h, g, f], weights=[3, 2, 1])"
    )


def test_one_operand_twice_is_told_apart_by_its_statistic() -> None:
    assert of("child = fisher(code, code; fishers=[f, g])") == of(
        "child = fisher(code, code; fishers=[g, f])"
    )
    assert of("child = fisher(code, code; fishers=[f, g])") != of(
        "child = fisher(code, code; fishers=[f, f])"
    )


def test_the_first_operand_leads_where_the_floor_is_its_alone() -> None:
    call = "fisher(math, code, base; fishers=[f, g, h], floor_on=first)"
    assert labels(call) == (["./math", "./base", "./code"], ["./f", "./h", "./g"])
    again = "fisher(math, base, code; fishers=[f, h, g], floor_on=first)"
    assert of(f"child = {call}") == of(f"child = {again}")
    assert of(f"child = {call}") != of(
        "child = fisher(code, math, base; fishers=[g, f, h], floor_on=first)"
    )
    weighed = "fisher(math, code, base; fishers=[f, g, h], floor_on=first, weights=[1, 2, 3])"
    (node,) = nodes(check(STATISTICS, f"child = {weighed}"), "fisher")
    assert str(dict(node.params)["weights"]) == "(Fraction(1, 1), Fraction(3, 1), Fraction(2, 1))"


def test_masks_and_bases_know_nothing_of_statistics() -> None:
    merged = "fisher(code, math; fishers=[f, g])"
    masked = check(STATISTICS, f"child = base + dare({merged} - base; density=0.5)")
    (drop,) = nodes(masked, "dare")
    assert drop.param("label") == "./code\x1f./math"
    deltas = "fisher(code - base, math - base; fishers=[f, g])"
    check(STATISTICS, f"child = ties(base, {deltas}, code; density=1)")


@pytest.mark.parametrize(
    "lines",
    [
        ("child = fisher(math, code; fishers=[g, f], weights=[1, 2])",),
        ("child = fisher(math, code, base; fishers=[f, g, h], floor_on=first)",),
        ("child = fisher(math, math; fishers=[g, f])",),
        (
            "mean = linear(code, math)",
            "child = regmean(base, mean; grams=[f, f], alpha=match { attn => 1, else => 0 })",
        ),
        ("child = fisher(code[..2] ++ math[2..], base; fishers=[f[..2] ++ g[2..], h])",),
        (
            'information = rename(select(f, !norm), "a.*" => "b.*")',
            "part = match { attn => information, else => g }",
            'child = fisher(rename(math, "a.*" => "b.*"), code; fishers=[part, information])',
        ),
        (
            "def by(x, s, *rest, w=1) = linear(fisher(x; fishers=[s], weights=w), *rest)",
            "child = by(code, f, math, w=1/3) |> fisher(math, fishers=[g, h])",
        ),
        ("export delta fisher(math - base, code - base; fishers=[g, f])",),
    ],
)
def test_an_expanded_spec_gives_them_again(lines: Sequence[str]) -> None:
    expanded(elaborated(SOURCES + STATISTICS + "\n".join(lines) + "\n"))


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("fisher(code, math)", ("E205", "fisher")),
        ("fisher(code, math; fishers=f)", ("E206", "f")),
        ("fisher(code, math; fishers=0.5)", ("E206", "0.5")),
        ("fisher(code, math; fishers=[f, 0.5])", ("E206", "0.5")),
        ("fisher(code, math; fishers=[f, code - base])", ("E206", "code - base")),
        ("fisher(code, math; fishers=[f, linear(f, g)])", ("E206", "linear(f, g)")),
        (
            'fisher(code, math; fishers=[f, as_model(g; why="so")])',
            ("E206", 'as_model(g; why="so")'),
        ),
        ("fisher(code, math; fishers=[f])", ("E212", "[f]")),
        ("fisher(code, math; fishers=[f, g, h])", ("E212", "[f, g, h]")),
        ("fisher(code, math; fishers=[])", ("E212", "[]")),
        ("fisher(code, math; fishers=[f, nothing])", ("E201", "nothing")),
        ("fisher(code, math; fisher=[f, g])", ("E204", "fisher")),
        ("fisher(code, math; fishers=[f, g], fishers=[g, f])", ("E207", "fishers=[g, f]")),
        ("fisher(code, math; fishers=[f, g], weights=0)", ("E211", "0")),
        ("fisher(code, math; fishers=[f, g], floor=-1)", ("E203", "-1")),
        ("fisher(code, math - base; fishers=[f, g])", ("E306", "math - base")),
        ("regmean(code, math; grams=[f, g], alpha=2)", ("E203", "2")),
        ("linear(code, math; fishers=[f, g])", ("E204", "fishers")),
        ("iso_c(base, code; rank_tol=1)", ("E203", "1")),
        ("iso_c(base, code; level=none)", ("E206", "none")),
        ("tsvm(base)", ("E209", "tsvm(base)")),
        ("tsvm(base, code; fishers=[f])", ("E204", "fishers")),
    ],
)
def test_what_is_wrong_is_underlined(call: str, found: tuple[str, str]) -> None:
    assert mistakes(STATISTICS, f"child = {call}") == [found]


def test_a_missing_list_is_not_missed_where_its_name_is_misspelt() -> None:
    (found,) = mistakes(STATISTICS, "child = fisher(code, math; fischers=[f, g])")
    assert found == ("E204", "fischers")


def test_statistics_count_as_uses_of_their_names() -> None:
    used = "child = fisher(base, code, math; fishers=[f, g, h])"
    assert warnings(STATISTICS, used) == []


def test_the_signature_shows_them() -> None:
    assert OPERATORS["fisher"].signature() == (
        "fisher(x1, ...; fishers=[...], weights=1, floor=0.000001, floor_on=all, normalize=none)"
    )
    assert OPERATORS["regmean"].signature() == (
        "regmean(x1, ...; grams=[...], weights=1, alpha=0.9, ridge=0.00000001)"
    )
