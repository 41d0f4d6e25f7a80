"""What is registered is whole: operators have laws and pages, passes have goldens."""

import re
import textwrap

import pytest

from mergec.ops import OPERATORS, STAGES
from mergec.passes import PIPELINE
from tests.repo.tree import ROOT

HEADINGS = ("Formula", "Shapes", "Parameters", "Edge cases", "Source", "Example")


def sections(page: str) -> dict[str, str]:
    """The page of an operator by heading; the text before the first is under the empty one."""
    parts = re.split(rf"^({'|'.join(HEADINGS)})\b", textwrap.dedent(page), flags=re.MULTILINE)
    return {"": parts[0].strip(), **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.mark.parametrize("table", [OPERATORS, STAGES], ids=["operators", "stages"])
def test_names_are_those_of_the_files(table: dict[str, object]) -> None:
    files = {path.stem for path in (ROOT / "compiler/mergec/ops").glob("*.py")}
    assert set(table) <= files


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_claims_laws(name: str) -> None:
    assert OPERATORS[name].laws


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_has_its_page(name: str) -> None:
    page = sections(OPERATORS[name].page)
    assert list(page) == ["", *HEADINGS]
    assert page[""].splitlines()[0].endswith(".")
    assert re.search(rf"\b{name}\(", page["Example"])
    undescribed = [
        parameter.name
        for parameter in OPERATORS[name].parameters
        if not re.search(rf"\b{parameter.name}\b", page["Parameters"])
    ]
    assert undescribed == []


@pytest.mark.parametrize("name", OPERATORS)
def test_the_manual_covers_an_operator(name: str) -> None:
    manual = (ROOT / "docs/operators.md").read_text()
    assert re.search(rf"^#+ .*\b{name}\b", manual, re.MULTILINE)


def test_a_pass_is_named_as_its_file_and_has_a_golden() -> None:
    names = [each.name for each in PIPELINE]
    assert [f"mergec.passes.{name}" for name in names] == [each.run.__module__ for each in PIPELINE]
    goldens = {path.stem for path in (ROOT / "tests/passes").glob("*.txt")}
    assert goldens == set(names)
