"""`mergec explain` of what is no operator and no code: forms, facts, and macros of the library."""

import pytest

from mergec.cli.main import run_command
from mergec.diagnostics import SourceText
from mergec.elaborate.facts import FACTS
from mergec.elaborate.forms import FORMS
from mergec.elaborate.library_pages import library_macros
from mergec.syntax import parse_spec

MACROS = {macro.called: macro for macro in library_macros()}


def explained(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run_command(["explain", name]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", FORMS)
def test_a_form_has_a_page_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = explained(name, capsys)
    assert page.startswith(f"{FORMS[name].signature}\n\n")
    _, _, example = page.partition("Example    ")
    line = example.strip() if " = " in example.partition("(")[0] else f"x = {example.strip()}"
    assert parse_spec(SourceText("example", line)).diagnostics == ()
    assert max(map(len, page.splitlines())) <= 100


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_says_when_it_is_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = explained(name, capsys)
    assert page.startswith(f"{name}(x")
    assert f"In `require`: {FACTS[name].doc}." in page
    assert ("nothing is published" in page) == FACTS[name].statistic


@pytest.mark.parametrize("name", MACROS)
def test_a_macro_is_shown_with_what_it_means(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = explained(name, capsys)
    assert page == explained(
        f"{MACROS[name].library.partition(':')[2]}.{MACROS[name].name}", capsys
    )
    assert page.startswith(f"{MACROS[name].signature}\n\n{MACROS[name].docs[0]}\n")
    _, _, definition = page.partition("It means:\n\n")
    (statement,) = parse_spec(SourceText("definition", definition)).spec.statements
    assert statement.span.text == definition.strip()


def test_the_library_has_the_well_known_merges() -> None:
    assert [name for name in MACROS if name.startswith("std.")] == [
        "std.model_soup",
        "std.wise_ft",
        "std.task_arithmetic",
        "std.chat_vector",
        "std.dare_ties",
        "std.dare_linear",
        "std.depth_upscale",
        "std.swa",
        "std.warm",
        "std.liti",
        "std.warp",
    ]


def test_a_name_alone_is_the_operator_or_else_the_first_macro(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "Takes a base" in explained("ties", capsys)
    assert "`std:classic`" in explained("dare_ties", capsys)


def test_another_name_is_refused_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["explain", "dare_tise"]) == 3
    assert "did you mean `dare_ties`?" in capsys.readouterr().err
