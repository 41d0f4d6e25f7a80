"""What the formatter writes means what was read, keeps every comment, and is final."""

from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import SourceText
from mergec.syntax import SpecFile, format_spec, parse_spec
from mergec.syntax.literals import number_problem, number_text, number_value
from tests.syntax.spec_trees import numbers, scatter, specs


def parsed(text: str) -> SpecFile:
    result = parse_spec(SourceText("made.merge", text))
    assert result.diagnostics == ()
    return result.spec


def bare(comment: str) -> str:
    """Above a statement a comment has one `#` only, lest it become the statement's docs."""
    return comment.lstrip("#")


@given(specs())
def test_what_is_printed_parses_to_the_same_tree(spec: SpecFile) -> None:
    text = format_spec(spec)
    assert parsed(text) == spec
    assert format_spec(parsed(text)) == text


@given(specs(), st.randoms(use_true_random=False))
def test_comments_and_line_breaks_anywhere_change_no_meaning(
    spec: SpecFile, random: Random
) -> None:
    text, comments = scatter(format_spec(spec), random)
    messy = parsed(text)
    assert messy == spec
    once = format_spec(messy)
    again = parsed(once)
    assert again == spec
    assert sorted(bare(each.text) for each in again.comments) == sorted(map(bare, comments))
    assert format_spec(again) == once


@given(numbers().map(lambda number: number.value))
def test_numbers_are_written_exactly_and_in_one_way(value: Fraction) -> None:
    text = number_text(value)
    assert number_problem(text) is None
    assert number_value(text) == value
    assert number_text(number_value(text)) == text
