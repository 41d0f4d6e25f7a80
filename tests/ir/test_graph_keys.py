"""A node's key is what it means: equal meanings share a node, and keys never change unnoticed."""

from fractions import Fraction

import pytest

from mergec.diagnostics import SourceText
from mergec.ir import DELTA, MODEL, GraphBuilder, NodeKey
from mergec.plan import check_text

HEAD = 'base = model("./base")\na = model("./a", rev="1")\nb = model("./b", id="code")\n'
# The beginnings of keys. Plans that people keep have them, so they change only with a new edition
# or a bumped revision.
KEYS = {
    "base": "0386b8d2e0a7b06d",
    "base + 0.5*(a - base)": "ee05cf6e0875ea47",
    "linear(a, b; weights=[3, 1])": "47587c02ef91da51",
    "ties(base, a, b)": "54f717dcc43e3883",
    "ties(base, (a - base) |> dare(density=0.3, seed=7), b; density=0.5)": "8d83955d1fb4f8a2",
    "slerp(a, b; t=1/3, norm=polar)": "2de43ed291ef11a5",
    "base + trim(a - base; density=0.25)": "d75d8add20037fe0",
    "base + scale(a - base; by=-0.1)": "27c5b7ba8e77d9c8",
}


def key_of(expression: str) -> NodeKey:
    checked = check_text(SourceText("keys.merge", f"{HEAD}child = {expression}\nexport child\n"))
    return checked.exports[0].node


@pytest.mark.parametrize("expression", KEYS)
def test_keys_are_stable(expression: str) -> None:
    assert key_of(expression)[:16] == KEYS[expression], (
        "the key of an unchanged expression changed: if an operator means something else now, "
        "bump its revision and record the new key; else plans of today stop matching"
    )


def test_equal_meanings_are_one_node() -> None:
    builder = GraphBuilder()
    a, b = (builder.add("source", params={"label": label}, type=MODEL) for label in "ab")
    first = builder.add("affine", [a, b], {"coefficients": (Fraction(1), -1)}, type=DELTA)
    again = builder.add("affine", [a, b], {"coefficients": (1, Fraction(-1))}, type=DELTA)
    assert first == again
    assert len(builder.finish({"d": first}).nodes()) == 3


def test_everything_that_has_meaning_is_in_the_key() -> None:
    builder = GraphBuilder()
    a, b = (builder.add("source", params={"label": label}, type=MODEL) for label in "ab")
    keys = [
        builder.add("f", [a, b], {"x": 1}, type=MODEL),
        builder.add("f", [b, a], {"x": 1}, type=MODEL),
        builder.add("f", [a], {"x": 1}, type=MODEL),
        builder.add("f", [a, b], {"x": 2}, type=MODEL),
        builder.add("f", [a, b], {"x": "1"}, type=MODEL),
        builder.add("f", [a, b], {"x": True}, type=MODEL),
        builder.add("f", [a, b], {"y": 1}, type=MODEL),
        builder.add("f", [a, b], {"x": (1,)}, type=MODEL),
        builder.add("f", [a, b], {"x": 1}, type=MODEL, revision=2),
        builder.add("g", [a, b], {"x": 1}, type=MODEL),
        builder.add("f", [a, b], {"x": "1, y=2"}, type=MODEL),
        builder.add("f", [a, b], {"x": "1", "y": 2}, type=MODEL),
    ]
    assert len(set(keys)) == len(keys)


def test_what_no_output_reaches_is_gone_and_order_is_that_of_building() -> None:
    builder = GraphBuilder()
    c, a = (builder.add("source", params={"label": label}, type=MODEL) for label in "ca")
    builder.add("trim", [c], {"density": 1}, type=DELTA)
    top = builder.add("affine", [a, c], {"coefficients": (1, -1)}, type=DELTA)
    graph = builder.finish({"d": top})
    assert [node.key for node in graph.nodes()] == [c, a, top]
    assert [node.key for node in graph.leaves(top)] == [c, a]
    with pytest.raises(KeyError, match="operands of trim were not added"):
        builder.add("trim", [NodeKey("absent")], type=DELTA)
