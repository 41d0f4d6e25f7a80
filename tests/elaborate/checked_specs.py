"""Specs without their sources: what they come to, or every mistake with the text it underlines."""

from pathlib import Path

import pytest

from mergec.diagnostics import MergecError, SourceText
from mergec.elaborate import Elaborated
from mergec.ir import Node
from mergec.passes import normal_form
from mergec.plan import check_text

SOURCES = 'base = model("./base")\ncode = model("./code")\nmath = model("./math")\n'

Finding = tuple[str, str]


def check(*lines: str) -> Elaborated:
    """The graph of a spec that binds `base`, `code` and `math` and goes on with `lines`."""
    return check_text(SourceText("spec.merge", SOURCES + "\n".join(lines) + "\n"))[0]


def mistakes(*lines: str) -> list[Finding]:
    """Code and underlined text of each error, in order; there must be one, and none twice."""
    with pytest.raises(MergecError) as caught:
        check(*lines)
    found = caught.value.diagnostics
    places = [(each.code, each.span and (each.span.start, each.span.end)) for each in found]
    assert len(set(places)) == len(places), found
    assert all(each.message.strip(".") == each.message and each.help for each in found)
    return [(d.code, d.span.text if d.span else "") for d in found if d.severity == "error"]


def warnings(*lines: str) -> list[Finding]:
    """The same of each warning about a sound spec."""
    return [(each.code, each.span.text if each.span else "") for each in check(*lines).warnings]


def nodes(elaborated: Elaborated, op: str) -> list[Node]:
    """The nodes of the graph as written that are calls of `op`."""
    return [node for node in elaborated.graph.nodes() if node.op == op]


def meaning(*lines: str) -> str:
    """The key of what is exported, in normal form: equal for specs that mean the same."""
    elaborated = check(*lines)
    return normal_form(elaborated.graph).outputs[elaborated.export.name]


def specs_of_the_repository() -> list[str]:
    """The texts of all specs for demos and examples."""
    root = Path(__file__).parents[2] / "specs"
    return [p.read_text("utf-8") for p in sorted(root.rglob("*.merge")) if "invalid" not in p.parts]
