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
    "DELTA": st.just("delta "),
    "_AS": st.just(" as "),
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
    # What the grammar leaves to the builder of nodes: a late operand, a second `;`.
    assert {found.code for found in result.diagnostics} <= {"E112", "E101"}
    assert all(f.code == "E112" or f.message.startswith("`;`") for f in result.diagnostics)
    if not result.diagnostics:
        formatted = format_spec(result.spec)
        assert parse_spec(SourceText("made.merge", formatted)).spec == result.spec
