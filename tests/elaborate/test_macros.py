"""Macros: what a call is worth, what a body sees, and where a mistake in one is shown."""

import pytest

from tests.elaborate.checked_specs import Finding, check, found, mistakes, nodes, written

# A spec with macros, and the one that says the same without them.
SAME: list[tuple[list[str], str]] = [
    (["def half(x) = 0.5*x", "export half(code) + half(math)"], "0.5*code + 0.5*math"),
    (["def between(a, b, t=0.5) = slerp(a, b; t=t)", "export between(code, math)"],
     "slerp(code, math; t=0.5)"),
    (["def between(a, b, t=0.5) = slerp(a, b; t=t)", "export between(code, math; t=0.1)"],
     "slerp(code, math; t=0.1)"),
    (["def between(a, b, t=0.5) = slerp(a, b; t=t)", "export code |> between(math, t=0.1)"],
     "slerp(code, math; t=0.1)"),
    (["def mean(*all, weights=1) = linear(*all; weights=weights)",
      "export mean(code, math, base; weights=[1, 2, 3])"],
     "linear(code, math, base; weights=[1, 2, 3])"),
    (["def mean(first, *others) = linear(first, base, *others)", "export mean(code, math)"],
     "linear(code, base, math)"),
    (["def mean(first, *others) = linear(first, *others)", "export mean(code)"], "linear(code)"),
    # an expression is repeated for each operand that was collected
    (["def voted(b, *m) = ties(b, *dare(m - b, density=0.3); density=1)",
      "export voted(base, code, math)"],
     "ties(base, dare(code - base; density=0.3), dare(math - base; density=0.3); density=1)"),
    (["def voted(b, *m) = ties(b, *m)", "def twice(*all) = voted(base, *all)",
      "export twice(code, math)"], "ties(base, code, math)"),
    # words are passed on as text
    (['def voted(b, *m, elect="mass") = ties(b, *m; elect=elect)',
      'export voted(base, code, math; elect="count")'], "ties(base, code, math; elect=count)"),
    (['def named(x, s="a") = dare(x, density=0.5, stream=s)', "export base + named(code - base)"],
     'base + dare(code - base; density=0.5, stream="a")'),
    # a macro before an operator of its name, and never after
    (["def slerp(a, b) = linear(a, b)", "export slerp(code, math)"], "linear(code, math)"),
    (["def mean(a, b) = linear(a, b)", "def linear(a, b) = a", "export mean(code, math)"],
     "linear(code, math)"),
    (["def thin(x) = trim(x, density=0.5)", "def trim(x, density=1) = thin(x)",
      "export base + trim(code - base)"], "base + trim(code - base; density=0.5)"),
    # in its own body an operator's name is the operator
    (["def ties(a, *r) = ties(a, *r; density=1)", "export ties(base, code, math)"],
     "ties(base, code, math; density=1)"),
    # a list has an item for each operand that is spread
    (["def thin(a, *r, d=1) = linear(a, *(a + trim(r - a; density=d)))",
      "export thin(base, code, math; d=[0.5, 0.25])"],
     "linear(base, base + trim(code - base; density=0.5), base + trim(math - base; density=0.25))"),
    # a body sees its parameters and what its own spec binds above it
    (["w = 0.25", "def mixed(a, b) = w*a + (1 - w)*b", "export mixed(code, math)"],
     "0.25*code + 0.75*math"),
    (["def mixed(base) = 0.5*base + 0.5*code", "export mixed(math)"], "0.5*math + 0.5*code"),
    (["def k(x, k=0.5) = k*x + (1 - k)*base", "k = 0.1", "export k(code; k=k)"],
     "0.1*code + 0.9*base"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "same"), SAME, ids=[lines[-1] for lines, _ in SAME])
def test_a_call_is_worth_what_the_body_says(lines: list[str], same: str) -> None:
    assert written(*lines) == written(f"export {same}")


WRONG: list[tuple[str, list[Finding]]] = [
    ("def f(x) = f(x)", [("E219", "f")]),
    ("def f(x) = linear(x, g(x))\ndef g(x) = f(x)", [("E202", "g")]),
    ("def f(a, a) = a", [("E208", "a")]),
    ("def f(a) = a\ndef f(b) = b", [("E208", "f")]),
    ("def f(a) = linear(a, nothing)", [("E201", "nothing")]),
    ("def f(a) = linear(a, later)\nlater = code", [("E201", "later")]),
    ("def f(a) = linear(a; densty=1)", [("E204", "densty")]),
    ("def f(*r) = linear(r)", [("E113", "r")]),
    ("def f(*r) = linear(*code)", [("E113", "*code")]),
    ("def f(*r, d=1) = linear(*(d*r))\nx = f(code, math; d=[1, 2, 3])", [("E212", "*(d*r)")]),
    ("def f(a, *r) = linear(*slerp(a, base, t=0.5))", [("E113", "*slerp(a, base, t=0.5)")]),
    ("x = linear(*code)", [("E113", "*code")]),
    ("def f(a, b) = linear(a, b)\nx = f(code)", [("E209", "f(code)")]),
    ("def f(a, b) = linear(a, b)\nx = f(code, base, math)", [("E209", "f(code, base, math)")]),
    ("def f(a, *r) = linear(a, *r)\nx = f()", [("E209", "f()")]),
    ("def f(a, k=1) = k*a\nx = f(code; q=1)", [("E204", "q")]),
    ("def f(a, k=1) = k*a\nx = f(code; k=1, k=1)", [("E207", "k=1")]),
    ("def f(a) = dare(a, density=0.5)\nx = base + f(code)", [("E302", "a")]),
    ("def f(a, d=1) = dare(a, density=d)\nx = base + f(code - base; d=2)", [("E203", "d")]),
    ("def f(a) = a\nx = linear(f, code)", [("E201", "f")]),
    ("def f(a, b=nothing) = a", [("E201", "nothing")]),
    ('def f(b, *m, e="mass") = ties(b, *m; elect=e)\nx = f(base, code; e="all")', [("E206", "e")]),
]


@pytest.mark.parametrize(("text", "places"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_found_at_its_place(text: str, places: list[Finding]) -> None:
    assert mistakes(text, "export linear(base, code)") == places


def test_a_mistake_in_a_body_shows_the_calls_that_led_there_innermost_first() -> None:
    (only,) = found(
        "def thin(x, keep=0.5) = dare(x, density=keep)",
        "def thinner(x, keep=1) = thin(x; keep=3*keep)",
        "child = base + thinner(code - base)",
    )
    assert only.span is not None
    assert only.span.text == "keep"
    # The definition is looked at with the default that it has, and so finds the mistake first.
    assert [(label.span.text, label.text) for label in only.labels] == [
        ("thin(x; keep=3*keep)", "in this call of `thin`"),
        ("thinner(code - base)", "in this call of `thinner`"),
    ]


def test_a_mistake_is_reported_once_for_all_calls_of_a_macro() -> None:
    lines = "def mixed(x) = linear(x, bse)", "child = ties(mixed(base), mixed(code), mixed(math))"
    (only,) = found(*lines)
    assert (only.code, only.labels) == ("E201", ())
    several = mistakes("def f(x) = dare(x, density=0.5)", "a = f(code)", "b = f(math)")
    assert several == [("E302", "x")]


def test_masks_do_not_know_that_a_macro_drew_them() -> None:
    plain = check("child = base + dare(code - base; density=0.5)")
    macro = check("def thin(x) = dare(x, density=0.5)", "child = base + thin(code - base)")
    assert nodes(plain, "dare") == nodes(macro, "dare")


def test_the_library_says_what_it_promises() -> None:
    use = 'use "std:classic" as std'
    for call, same in [
        ("std.model_soup(code, math)", "linear(code, math)"),
        ("std.wise_ft(base, code; t=0.25)", "0.75*base + 0.25*code"),
        ("std.chat_vector(math, code, base)", "math + 1*(code - base)"),
    ]:
        assert written(use, f"export {call}") == written(f"export {same}")
    drops = nodes(check(use, "export std.dare_ties(base, code, math; seed=7)"), "dare")
    assert [node.param("seed") for node in drops] == [7, 7]
