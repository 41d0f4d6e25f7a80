"""Texts that the grammar derives: the checker understands them, or refuses them with reasons."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark

from mergec.catalog.architecture import ROLES
from mergec.diagnostics import MergecError, SourceText, render_text
from mergec.elaborate import Bundle
from mergec.elaborate.facts import FACTS
from mergec.ops import OPERATORS
from mergec.plan import check_bundle
from mergec.syntax.build_tables import build_parser

HEAD = """base = model("./base")
code = model("./code")
def f(a, *rest, k=1) = linear(k*a, *rest)
def g(*rest) = linear(*slerp(rest, base; t=0.5))
use "std:classic" as std
param t: number = 0.5
"""
# Names that mean something, more often than not.
NAMES = (
    *("base", "code", "base", "code", "t", "x", "f", "g", "layers", "delta", "not", "rest", "k"),
    *(
        "ramp",
        "stack",
        "as_model",
        "model",
        "untie",
        "why",
        "id",
        "number",
        "int",
        "dtype",
        "shard",
    ),
    *("density", "weights", "scale", "seed", "norm", "bf16", *OPERATORS, *FACTS, *ROLES),
)
TEXTS = ('""', '"./code"', '"*"', '"model.*"', '"a"', '"std:classic"', '"lib.merge"', '"a\\nb"')
# Terminals that look ahead say nothing about what to generate.
TERMINALS = {
    **{f"_{word.upper()}": st.just(f"{word} ") for word in ("export", "param", "def", "use")},
    **{f"_{word.upper()}": st.just(f" {word} ") for word in ("as", "from", "to")},
    **{word.upper(): st.just(f" {word} ") for word in ("and", "or")},
    "_REQUIRE": st.just("require "),
    "_MATCH": st.just("match "),
    "ELSE": st.just("else "),
    "DELTA": st.just("delta "),
    "_NOT": st.just("not "),
    "SELECT": st.just("select"),
    "RENAME": st.just("rename"),
    "DOTTED": st.sampled_from(["std.wise_ft", "std.model_soup", "std.nothing", "none.base"]),
    "TRUE": st.just("true"),
    "FALSE": st.just("false"),
    "NAME": st.sampled_from(NAMES),
    "NUMBER": st.sampled_from(["0", "1", "0.5", "2", "3", "0.1", "1e400", "100"]),
    "SIZE": st.sampled_from(["5GB", "1.5GiB", "0KB"]),
    "STRING": st.sampled_from(TEXTS),
    "SPACE": st.just(" "),
    "COMMENT": st.just(" "),
}
OF_STATEMENTS = {"_EXPORT", "_PARAM", "_DEF", "_USE", "_REQUIRE", "_AS", "_FROM", "_TO", "DELTA"}


def derived(start: str, terminals: set[str]) -> st.SearchStrategy[str]:
    """Texts that the grammar derives from one rule, in which these terminals occur."""
    explicit = {name: text for name, text in TERMINALS.items() if name in terminals}
    return from_lark(build_parser(), start=start, explicit=explicit)


EXPRESSIONS = derived("expr", {*TERMINALS} - OF_STATEMENTS)


@settings(max_examples=50)
@given(derived("start", {*TERMINALS}))
def test_statements_are_understood_or_refused(line: str) -> None:
    check(line)


# What a terminal stands for seldom fits where the grammar has it; then Hypothesis draws again.
PATIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@settings(max_examples=10, suppress_health_check=PATIENT)
@given(EXPRESSIONS)
def test_expressions_are_understood_or_refused(expression: str) -> None:
    check(f"y = {expression}")
    check(f'require {expression}, "so it is"')


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=PATIENT)
@given(EXPRESSIONS)
def test_many_expressions_are_understood_or_refused(expression: str) -> None:
    check(f"y = base |> f({expression})")
    check(f'require {expression}, "so it is"')


def check(line: str) -> None:
    """Compile a line under the head; it may be refused."""
    # A statement begins its line and nothing else does.
    source = SourceText("derived.merge", f"{HEAD}{' '.join(line.split())}\n")
    try:
        found = check_bundle(Bundle(source, Path(), imports={"lib.merge": "half = 1/2\n"})).warnings
    except MergecError as error:
        found = error.diagnostics
        assert any(each.severity == "error" for each in found)
    assert render_text(found).count("\n") >= 2 * len(found)
