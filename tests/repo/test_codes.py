"""Every code that mergec can print is printed somewhere, and shown by a spec or by a test."""

import ast
import re
from pathlib import Path

from mergec.diagnostics import CODES
from tests.repo.tree import ROOT, files

INVALID = ROOT / "specs" / "invalid"


def strings(path: Path) -> set[str]:
    """The string constants of a Python file."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def codes_in(*patterns: str) -> set[str]:
    """The codes in strings of these files, alone (`"E203"`) or as printed (`error[E203]`)."""
    found = {text for path in files(*patterns) for text in strings(path)}
    return {code for text in found for code in re.findall(r"(?:^|\[)([EW]\d{3})(?:$|\])", text)}


def shown_by_specs() -> set[str]:
    return {path.name.partition("-")[0] for path in INVALID.glob("*.merge")}


def test_the_sources_use_the_codes_of_the_tables_and_all_of_them() -> None:
    tables = "grammar/mergec/diagnostics/codes/*.py"
    used = codes_in("grammar/*.py", "compiler/*.py", "runtime/*.py", f":!{tables}")
    assert sorted(used - set(CODES)) == []
    assert sorted(set(CODES) - used) == []


def test_a_code_about_the_text_of_a_spec_is_shown_by_a_spec() -> None:
    about_text = {code for code in CODES if code[1] in "123"}
    assert sorted(about_text - shown_by_specs()) == []


def test_every_other_code_is_shown_by_a_spec_or_by_a_test() -> None:
    tested = codes_in("tests/*.py", ":!tests/repo")
    assert sorted(set(CODES) - shown_by_specs() - tested) == []


def test_an_invalid_spec_is_named_for_its_code_and_says_what_users_see() -> None:
    for path in INVALID.glob("*.merge"):
        code, _, what = path.stem.partition("-")
        assert code in CODES, path.name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", what), path.name
        assert f"[{code}]" in path.with_suffix(".stderr").read_text(), path.name


def test_no_expected_output_is_left_over() -> None:
    specs = {path.stem for path in INVALID.glob("*.merge")}
    assert {path.stem for path in INVALID.glob("*.stderr")} - specs == set()


def test_slugs_are_unique_words() -> None:
    slugs = [code.slug for code in CODES.values()]
    assert len(slugs) == len(set(slugs))
    assert [slug for slug in slugs if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)] == []


def test_exit_statuses_are_documented() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)
    documented = {int(status) for row in rows for status in row.split(",")}
    assert {code.exit for code in CODES.values()} <= documented
