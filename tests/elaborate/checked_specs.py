"""Specs without their sources: what they come to, or every mistake with the text it underlines."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.elaborate import Bundle, Elaborated, ExportDecl, Setting
from mergec.ir import Node
from mergec.passes import normal_form
from mergec.plan import check_bundle

SOURCES = 'base = model("./base")\ncode = model("./code")\nmath = model("./math")\n'
NOTHING: Mapping[str, str] = MappingProxyType({})

Finding = tuple[str, str]


def check(
    *lines: str, given: Mapping[str, str] = NOTHING, used: Mapping[str, str] = NOTHING
) -> Elaborated:
    """The graph of a spec that binds `base`, `code` and `math` and goes on with `lines`.

    `given` are values for its parameters, `used` the texts of specs that it may use, by path.
    """
    source = SourceText("spec.merge", SOURCES + "\n".join(lines) + "\n")
    settings = {name: Setting(text) for name, text in given.items()}
    return check_bundle(Bundle(source, Path(), settings, used))


def found(
    *lines: str, given: Mapping[str, str] = NOTHING, used: Mapping[str, str] = NOTHING
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a spec, in order; there must be an error, and none twice."""
    with pytest.raises(MergecError) as caught:
        check(*lines, given=given, used=used)
    diagnostics = caught.value.diagnostics
    places = [(d.code, d.message, d.span and (d.span.start, d.span.end)) for d in diagnostics]
    assert len(set(places)) == len(places), diagnostics
    assert all(each.message.strip(".") == each.message and each.help for each in diagnostics)
    return diagnostics


def mistakes(
    *lines: str, given: Mapping[str, str] = NOTHING, used: Mapping[str, str] = NOTHING
) -> list[Finding]:
    """Code and underlined text of each error, in order."""
    diagnostics = found(*lines, given=given, used=used)
    return [(d.code, d.span.text if d.span else "") for d in diagnostics if d.severity == "error"]


def warnings(*lines: str, used: Mapping[str, str] = NOTHING) -> list[Finding]:
    """The same of each warning about a sound spec."""
    checked = check(*lines, used=used)
    return [(each.code, each.span.text if each.span else "") for each in checked.warnings]


def exported(*lines: str) -> ExportDecl:
    """The one export of a spec."""
    (export,) = check(*lines).exports
    return export


def nodes(elaborated: Elaborated, op: str) -> list[Node]:
    """The nodes of the graph as written that are calls of `op`."""
    return [node for node in elaborated.graph.nodes() if node.op == op]


def written(*lines: str, used: Mapping[str, str] = NOTHING) -> str:
    """The key of what is exported, as written: equal for specs that say the same."""
    (export,) = check(*lines, used=used).exports
    return export.node


def meaning(*lines: str) -> str:
    """The key of what is exported, in normal form: equal for specs that mean the same."""
    elaborated = check(*lines)
    (export,) = elaborated.exports
    return normal_form(elaborated.graph).outputs[export.name]


def specs_of_the_repository() -> list[str]:
    """The texts of all specs for demos and examples."""
    root = Path(__file__).parents[2] / "specs"
    return [p.read_text("utf-8") for p in sorted(root.rglob("*.merge")) if "invalid" not in p.parts]
