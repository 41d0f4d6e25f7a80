"""What `mergec check` prints for programs, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.cli.main import run_command
from mergec.diagnostics import (
    CODES,
    Diagnostic,
    Fix,
    Label,
    SourceText,
    Span,
    render_github,
    render_sarif,
)

Run = Callable[..., tuple[int, str, str]]
SPEC = SourceText("specs/a b.merge", 'a = f("\N{CAT}\N{CAT}", x,\r\n  \N{CAT}{y})\n')


def at(part: str, source: SourceText = SPEC) -> Span:
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def test_a_workflow_command_names_place_and_code() -> None:
    found = Diagnostic(
        "E203", "`x` is 100%", at("x,"), "label", notes=("why, so: this",), help=("do", "or do")
    )
    warning = Diagnostic("W201", "`x`", at("x,\r\n  \N{CAT}"))
    assert render_github([("a.merge", found), ("a.merge", warning)]) == (
        "::error file=specs/a b.merge,line=1,col=13,endLine=1,endColumn=15,"
        "title=E203 parameter-out-of-range"
        "::`x` is 100%25%0Anote: why, so: this%0Ahelp: do%0Ahelp: or do\n"
        # The runner refuses columns of a place of several lines.
        "::warning file=specs/a b.merge,line=1,endLine=2,title=W201 unused-binding::`x`\n"
    )


def test_a_workflow_command_is_one_line_whatever_it_holds() -> None:
    source = SourceText("C:%0A,\r\n\x1b.merge", "x")
    found = Diagnostic("E701", "a\r\nb %0D :: \x1b[1m\u202e", at("x", source))
    assert render_github([("a.merge", found)]) == (
        "::error file=C%3A%250A%2C%0D%0A\\u{1b}.merge,line=1,col=1,endLine=1,endColumn=2,"
        "title=E701 missing-source::a%0D%0Ab %250D :: \\u{1b}[1m\\u{202e}\n".replace(
            "missing-source", CODES["E701"].slug
        )
    )
    whole = Diagnostic("W701", "file", None, denied=True)
    assert render_github([("a:b.merge", whole)]) == (
        f"::error file=a%3Ab.merge,title=W701 {CODES['W701'].slug}::file\n"
    )


def log(*found: Diagnostic, spec: str = "specs/a b.merge") -> dict[str, Any]:
    text = render_sarif([(spec, each) for each in found], "1.2.3")
    assert text.isascii()
    assert text.endswith("}\n")
    document: dict[str, Any] = json.loads(text)
    valid_log(document)
    return document


def test_a_finding_in_sarif() -> None:
    found = Diagnostic(
        "E203",
        "`x` is {0}",
        at("x,"),
        "here",
        (Label(at("y"), "there"), Label(at("a"), "")),
        ("why",),
        ("do",),
        Fix(at("f"), "g{", safe=False),
    )
    (run,) = log(found)["runs"]
    row = CODES["E203"]
    assert run["tool"] == {
        "driver": {
            "name": "mergec",
            "version": "1.2.3",
            "rules": [
                {
                    "id": "E203",
                    "name": "parameter-out-of-range",
                    "shortDescription": {"text": row.summary},
                    "fullDescription": {"text": row.explanation},
                    "defaultConfiguration": {"level": "error"},
                }
            ],
        }
    }
    file = {"uri": "specs/a%20b.merge"}
    assert run["results"] == [
        {
            "ruleId": "E203",
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": "`x` is {{0}}\nnote: why\nhelp: do"},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": file, "region": region(1, 15, 1, 17)},
                    "message": {"text": "here"},
                }
            ],
            "relatedLocations": [
                {
                    "id": 1,
                    "physicalLocation": {"artifactLocation": file, "region": region(2, 6, 2, 7)},
                    "message": {"text": "there"},
                },
                {
                    "id": 2,
                    "physicalLocation": {"artifactLocation": file, "region": region(1, 1, 1, 2)},
                },
            ],
            "fixes": [
                {
                    "artifactChanges": [
                        {
                            "artifactLocation": file,
                            "replacements": [
                                {
                                    "deletedRegion": region(1, 5, 1, 6),
                                    "insertedContent": {"text": "g{"},
                                }
                            ],
                        }
                    ],
                    "properties": {"safe": False},
                }
            ],
        }
    ]


def region(line: int, column: int, end_line: int, end_column: int) -> dict[str, int]:
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
    }


def test_rules_are_the_codes_found() -> None:
    (run,) = log(
        Diagnostic("W701", "", None, denied=True),
        Diagnostic("E201", "", at("x")),
        Diagnostic("W701", "", None),
    )["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E201", "W701"]
    assert [(each["ruleIndex"], each["level"]) for each in run["results"]] == [
        (1, "error"),
        (0, "error"),
        (1, "warning"),
    ]
    # Without a span the finding is about the file as a whole.
    assert run["results"][0]["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "specs/a%20b.merge"}}}
    ]
    assert log()["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a.merge", "a.merge"),
        ("./a/b.merge", "a/b.merge"),
        ("../a.merge", "../a.merge"),
        ("/a/b c.merge", "file:///a/b%20c.merge"),
        ("a:b%20#?.merge", "a%3Ab%2520%23%3F.merge"),
        ("\N{CAT}\udcff.merge", "%F0%9F%90%88%FF.merge"),
    ],
)
def test_files_are_uris(name: str, uri: str) -> None:
    (result,) = log(Diagnostic("E701", "", None), spec=name)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_to_write_a_file_anew_is_no_replacement() -> None:
    rewrite = Diagnostic("W101", "", at("a"), fix=Fix(Span(SPEC, 0, 0), "", safe=True))
    assert "fixes" not in log(rewrite)["runs"][0]["results"][0]


# Without what json would refuse to keep apart: surrogates are no text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS, st.integers(0, 30), st.integers(0, 30))
def test_a_region_is_found_again_in_utf_16(
    text: str, message: str, start: int, length: int
) -> None:
    source = SourceText("a.merge", text)
    begin = min(start, len(text))
    span = Span(source, begin, min(begin + length, len(text)))
    found = Diagnostic("E101", message, span, message, (Label(span, message),), (message,))
    (result,) = log(found)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["region"]
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    first, last = place["startLine"] - 1, place["endLine"] - 1
    rows = lines[first : last + 1]
    rows[-1] = rows[-1][: 2 * (place["endColumn"] - 1)]
    rows[0] = rows[0][2 * (place["startColumn"] - 1) :]
    assert "\n".join(row.decode("utf-16-le") for row in rows) == span.text


def valid_log(document: dict[str, Any]) -> None:
    """The rules of the schema of SARIF 2.1.0 that concern what mergec writes."""
    assert set(document) == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    for run in document["runs"]:
        assert set(run) == {"tool", "columnKind", "results"}
        assert run["columnKind"] == "utf16CodeUnits"
        driver = run["tool"]["driver"]
        rules = [rule["id"] for rule in driver["rules"]]
        assert len(set(rules)) == len(rules)
        assert all(isinstance(driver[key], str) for key in ("name", "version"))
        for result in run["results"]:
            valid_result(result, rules)


def valid_result(result: dict[str, Any], rules: list[str]) -> None:
    assert rules[result["ruleIndex"]] == result["ruleId"]
    assert result["level"] in ("none", "note", "warning", "error")
    valid_message(result["message"])
    related = result.get("relatedLocations", [])
    ids = [each["id"] for each in related]
    assert len(set(ids)) == len(ids)
    for location in (*result["locations"], *related):
        assert set(location) <= {"id", "physicalLocation", "message"}
        valid_message(location.get("message", {"text": ""}))
        place = location["physicalLocation"]
        valid_artifact(place["artifactLocation"])
        if "region" in place:
            valid_region(place["region"])
    for fix in result.get("fixes", []):
        assert len(fix["artifactChanges"]) >= 1
        for change in fix["artifactChanges"]:
            valid_artifact(change["artifactLocation"])
            assert len(change["replacements"]) >= 1
            for replacement in change["replacements"]:
                valid_region(replacement["deletedRegion"])
                assert isinstance(replacement["insertedContent"]["text"], str)


def valid_message(message: dict[str, Any]) -> None:
    assert set(message) == {"text"}
    # A brace that stands alone would begin a placeholder.
    rest = message["text"].replace("{{", "").replace("}}", "")
    assert "{" not in rest
    assert "}" not in rest


def valid_artifact(artifact: dict[str, Any]) -> None:
    uri = artifact["uri"]
    assert uri.isascii()
    assert not set(uri) & set(' "<>\\^`{|}')
    assert uri.startswith("file:///") or ":" not in uri
    assert unquote(uri)


def valid_region(place: dict[str, int]) -> None:
    assert set(place) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert all(number >= 1 for number in place.values())
    start = (place["startLine"], place["startColumn"])
    assert start <= (place["endLine"], place["endColumn"])


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs `mergec check --spec-only` in a folder with specs of one mistake each, and of none."""
    monkeypatch.chdir(tmp_path)
    right = 'base = model("./base")\nexport base\n'
    Path("right.merge").write_text(right)
    Path("marked.merge").write_text(right, encoding="utf-8-sig")
    Path("unclosed.merge").write_text('base = model("./base)\nx = = 1\n')
    Path("brackets.merge").write_text("base = model(]\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = run_command(("check", "--spec-only", *arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_every_error_of_every_spec_is_told(check: Run) -> None:
    files = ("unclosed.merge", "nowhere.merge", "marked.merge", "brackets.merge", "right.merge")
    status, out, err = check(*files)
    heads = [line for line in err.splitlines() if line.startswith(("error", "warning"))]
    assert heads == [
        "error[E103]: a string is never closed",
        "error[E101]: unexpected `=`",
        "error[E701]: there is no spec `nowhere.merge`",
        "warning[W101]: the spec begins with a byte order mark",
        "error[E102]: `(` opened at 1:13 is closed by `]`",
    ]
    assert err.endswith("\n4 errors, 1 warning\n")
    assert (status, out) == (3, "")
    # The status is that of the first error shown.
    assert check("nowhere.merge", "unclosed.merge")[0] == 4
    assert check("right.merge", "marked.merge")[0] == 0
    assert check("right.merge") == (0, "1 spec checked, nothing found\n", "")


def test_a_spec_named_twice_is_checked_once(check: Run) -> None:
    status, out, err = check("marked.merge", "./marked.merge", "marked.merge")
    assert (status, out) == (0, "")
    assert err.endswith("\n1 warning\n")


@pytest.mark.parametrize("word", ["W101", "w101", "byte-order-mark", "warnings"])
def test_a_denied_warning_is_an_error(check: Run, word: str) -> None:
    status, _, err = check("marked.merge", "--deny", "W201", "--deny", word)
    assert status == 3
    assert err.startswith("error[W101]: the spec begins with a byte order mark\n")
    assert err.endswith("\n1 error\n")
    assert check("marked.merge", "--deny", "W201")[0] == 0
    assert check("right.merge", "--deny", word)[0] == 0


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("E203", "`E203` is an error already; name a warning, such as `W201`, or all: `warnings`"),
        ("W1O1", "`W1O1` is not a warning; did you mean `W101`?"),
        ("warning", "`warning` is not a warning; did you mean `warnings`?"),
        ("shadowd-arm", "`shadowd-arm` is not a warning; did you mean `shadowed-arm`?"),
        ("\x1b", "`\\u{1b}` is not a warning; known codes: `W101`, `W201`, `W202`, "),
    ],
)
def test_only_warnings_can_be_denied(check: Run, word: str, message: str) -> None:
    status, out, err = check("marked.merge", "--deny", word)
    assert (status, out) == (2, "")
    assert f"Invalid value for '--deny': {message}" in err


def test_formats_for_programs_stand_alone_on_standard_output(check: Run) -> None:
    status, out, err = check("marked.merge", "nowhere.merge", "--output-format", "github")
    assert (status, err) == (4, "")
    assert out == (
        "::warning file=marked.merge,line=1,col=1,endLine=1,endColumn=1,"
        "title=W101 byte-order-mark::the spec begins with a byte order mark%0A"
        "note: the mark is ignored%0A"
        "help: save the file as UTF-8 without a byte order mark\n"
        f"::error file=nowhere.merge,title=E701 {CODES['E701'].slug}"
        "::there is no spec `nowhere.merge`%0A"
        "help: specs in that folder: `brackets.merge`, `marked.merge`, `right.merge` and 1 more\n"
    )
    assert check("right.merge", "--output-format", "github") == (0, "", "")
    status, out, err = check("marked.merge", "--output-format", "sarif", "--deny", "W101")
    assert (status, err) == (3, "")
    document = json.loads(out)
    valid_log(document)
    assert [each["level"] for each in document["runs"][0]["results"]] == ["error"]
    status, out, err = check("unclosed.merge", "--output-format", "json")
    assert (status, err) == (3, "")
    assert [each["code"] for each in json.loads(out)] == ["E103", "E101"]
