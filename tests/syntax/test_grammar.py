"""The grammar has no conflict, its tables are those of the grammar, and it accepts what it says."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark

from mergec.diagnostics import SourceText
from mergec.syntax import format_spec, parse_spec
from mergec.syntax.build_tables import build_parser, grammar_digest
from mergec.syntax.literals import number_text, string_text
from mergec.syntax.tables import TABLES, load_parser
from tests.syntax.spec_trees import names, numbers, strings

# Terminals that look ahead say nothing about what to generate.
_TERMINALS = {
    "_EXPORT": st.just("export "),
    "_PARAM": st.just("param "),
    "_DEF": st.just("def "),
    "_USE": st.just("use "),
    "_REQUIRE": st.just("require "),
    "_MATCH": st.just("match "),
    "ELSE": st.just("else "),
    "DELTA": st.just("delta "),
    "_NOT": st.just("not "),
    "SELECT": st.just("select"),
    "RENAME": st.just("rename"),
    "_AS": st.just(" as "),
    "_FROM": st.just(" from "),
    "_TO": st.just(" to "),
    "AND": st.just(" and "),
    "OR": st.just(" or "),
    "DOTTED": st.sampled_from(["common.base", "std.not", "a.b"]),
    "TRUE": st.just("true"),
    "FALSE": st.just("false"),
    "NAME": names,
    "NUMBER": numbers().map(lambda number: number_text(number.value)),
    "SIZE": st.sampled_from(["5GB", "1.5GiB", "0KB"]),
    "STRING": strings.map(string_text),
    # No text of a statement goes on in column 1 with a name and `=`.
    "SPACE": st.sampled_from([" ", "\n  "]),
    "COMMENT": st.sampled_from([" # note\n "]),
}


def test_the_grammar_has_no_conflict() -> None:
    # Strict: raises on a conflict of rules, and on two terminals that match the same text.
    built, loaded = build_parser(), load_parser()
    assert sorted(each.name for each in built.terminals) == sorted(
        each.name for each in loaded.terminals
    )


def test_the_tables_belong_to_the_grammar() -> None:
    stored = json.loads(TABLES.read_text("utf-8"))
    # If this fails: python -m mergec.syntax.build_tables
    assert stored["grammar"] == grammar_digest()


# The grammar grows without end, so most of what is drawn from it is too large and dropped.
@settings(
    max_examples=10, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(from_lark(build_parser(), start="start", explicit=_TERMINALS))
def test_text_made_by_the_grammar_has_no_syntax_error(text: str) -> None:
    result = parse_spec(SourceText("made.merge", text.lstrip()))
    # What the grammar leaves to the builder of nodes: a late operand or spread, a second `;`, an
    # early `else`, a range after another word than `layers`.
    assert {found.code for found in result.diagnostics} <= {"E101", "E112", "E113"}
    for found in result.diagnostics:
        left = found.message.startswith(("`;`", "`else`")) or "is no selector" in found.message
        assert found.code != "E101" or left
    if not result.diagnostics:
        formatted = format_spec(result.spec)
        assert parse_spec(SourceText("made.merge", formatted)).spec == result.spec
