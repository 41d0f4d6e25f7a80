"""A spec with something wrong in it never breaks the checker, whatever is wrong."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import MergecError, SourceText, render_text
from mergec.elaborate import Elaborated
from mergec.ir import is_scheduled
from mergec.ops import OPERATORS
from mergec.passes import normal_form
from mergec.plan import check_text
from mergec.resolve.routing import VIEWS
from tests.elaborate.checked_specs import SOURCES, specs_of_the_repository

SPECS = [
    *specs_of_the_repository(),
    SOURCES + "child = ties(base, code, math; density=[0.3, 1/2], elect=count)\n",
    SOURCES + "t = 0.5\nchild = base + ((code - base) |> dare(density=t, seed=7))\nexport child\n",
    SOURCES + 'x = -2*code / 4 + 1.5*slerp(base, math; t=1/3)\nexport x as "x" { dtype = f32 }\n',
]
TOKENS = [
    *"()[]{},;=+-*/",
    *("|>", "\n", "0", "1", "2e300", "-1", '"x"', "5GB", "true", "mass", "model", "ties", "dare"),
    *("base", "code", "child", "export", "export delta", "density", "weights", "dtype", "linear"),
    *("++", "..", "|", "&", "!", "=>", "<", "==", "and", "not", "else", "match {", "}", "[0..2]"),
    *("attn", "layers(0..2)", '"*.norm.*"', "ramp(0, 1)", "select(", "rename(", "as_model(", "*"),
    *("\ndef f(a, *r, k=1) = ", "\nparam p: number = ", '\nuse "std:classic" as s', "\nrequire "),
    *OPERATORS,
    *("f(base, code)", "s.model_soup", "*r", "norm(base)", "match { attn => 0.5, else => p }", "k"),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A spec with up to four tokens replaced, dropped, put in or swapped."""
    tokens = re.findall(r"\s+|\w+|\"[^\"]*\"|\|>|.", draw(st.sampled_from(SPECS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(tokens) - 1))
        other = draw(st.sampled_from(TOKENS) | st.sampled_from(tokens))
        match draw(st.sampled_from(["replace", "drop", "insert"])):
            case "replace":
                tokens[place] = other
            case "drop":
                tokens[place] = ""
            case _:
                tokens.insert(place, f" {other} ")
    return "".join(tokens)


def is_plain(elaborated: Elaborated) -> bool:
    """Whether nothing differs from tensor to tensor, so that one normal form stands for all."""
    return not any(
        node.op in VIEWS or any(is_scheduled(value) for _, value in node.params)
        for node in elaborated.graph.nodes()
    )


@given(mutated())
def test_a_spec_is_understood_or_refused_with_reasons(text: str) -> None:
    try:
        elaborated = check_text(SourceText("spec.merge", text))
        found = elaborated.warnings
        if is_plain(elaborated):
            normal_form(elaborated.graph)
    except MergecError as error:
        found = error.diagnostics
        assert any(each.severity == "error" for each in found)
    seen = [(each.code, each.message, each.span and each.span.start) for each in found]
    assert len(set(seen)) == len(seen)
    assert render_text(found).count("\n  ") >= len(found)
