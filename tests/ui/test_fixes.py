"""Fixes: what is safe is made, once, and nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.cli.main import run_command
from mergec.diagnostics import Diagnostic, Fix, SourceText, Span, apply_fixes
from mergec.syntax import parse_spec, read_spec
from mergec.syntax.allow import apply_allows

TEXT = "abcdefghij"
Run = Callable[..., tuple[int, str, str]]


def fix(
    start: int, end: int, replacement: str, *, safe: bool = True, text: str = TEXT
) -> Diagnostic:
    span = Span(SourceText("a.merge", text), start, end)
    return Diagnostic("W201", "", span, fix=Fix(span, replacement, safe))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], (TEXT, 0)),
        ([Diagnostic("W201", "", None)], (TEXT, 0)),
        ([fix(8, 10, "!"), fix(0, 2, "long")], ("longcdefgh!", 2)),
        ([fix(0, 2, "X"), fix(2, 4, "Y")], ("XYefghij", 2)),
        ([fix(10, 10, "\n")], (TEXT + "\n", 1)),
        ([fix(0, 0, "")], (TEXT, 1)),
        ([fix(0, 2, "X", safe=False), fix(1, 3, "Y")], ("aYdefghij", 1)),
        ([fix(0, 2, "X", text="other")], (TEXT, 0)),
        # Of fixes that overlap, one is in another, are one, or begin at one place: the first.
        ([fix(1, 3, "Y"), fix(0, 2, "X")], ("Xcdefghij", 1)),
        ([fix(0, 9, "X"), fix(3, 4, "Y")], ("Xj", 1)),
        ([fix(0, 2, "X"), fix(0, 2, "X")], ("Xcdefghij", 1)),
        ([fix(3, 3, "X"), fix(3, 3, "Y")], ("abcXdefghij", 1)),
        ([fix(3, 4, "Y"), fix(3, 3, "X")], ("abcXdefghij", 1)),
    ],
)
def test_safe_fixes_that_do_not_touch_are_made(
    found: list[Diagnostic], expected: tuple[str, int]
) -> None:
    assert apply_fixes(TEXT, found) == expected


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10))))
def test_what_no_fix_covers_stays(bounds: list[tuple[int, int]]) -> None:
    fixes = [fix(min(pair), max(pair), "") for pair in bounds]
    covered = {at for pair in bounds for at in range(min(pair), max(pair))}
    text, made = apply_fixes(TEXT, fixes)
    assert [char for char in TEXT if char in text] == list(text)
    assert set(TEXT) - set(text) <= {TEXT[at] for at in covered}
    assert (made > 0) == bool(bounds)


def found_in(
    path: Path, *, spec_only: bool, settings: object, tell: object
) -> tuple[Diagnostic, ...]:
    """What the parser says of a spec, and the comments in it."""
    assert spec_only
    assert not settings
    assert callable(tell)
    parsed = parse_spec(read_spec(path, str(path)))
    return apply_allows(parsed.spec, parsed.diagnostics, complete=True)


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs `mergec check --fix --spec-only` in an empty folder, on findings of `found_in`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mergec.api.specs.check_spec", found_in)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = run_command(("check", "--fix", "--spec-only", *arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_a_file_is_fixed_and_what_is_left_is_told(check: Run) -> None:
    old = (
        b'\xef\xbb\xbfbase = model("./base")\r\n'
        b"# mergec: allow W201, W204 because it is the base\r\n"
        b"child = base - x # mergec: allow W301 because\xc2\xa0so\r\n"
        b"# mergec: allow\r\n"
    )
    Path("a.merge").write_bytes(old)
    Path("a.merge").chmod(0o640)
    status, out, err = check("a.merge")
    assert Path("a.merge").read_bytes() == (
        b'base = model("./base")\r\nchild = base - x\r\n# mergec: allow\r\n'
    )
    assert Path("a.merge").stat().st_mode & 0o777 == 0o640
    assert (status, out) == (0, "fixed 3 findings in a.merge\n")
    assert err == (
        "warning[W208]: this `allow` names no warning\n"
        "  --> a.merge:3:1\n"
        "   |\n"
        " 3 | # mergec: allow\n"
        "   | ^^^^^^^^^^^^^^^\n"
        "   |\n"
        "   = help: write, for example, `# mergec: allow W203 because ...`\n"
        "\n"
        "1 warning\n"
    )


def test_a_fix_that_lays_open_another_is_followed_by_it(
    check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_letter(path: Path, **_: object) -> tuple[Diagnostic, ...]:
        source = read_spec(path, str(path))
        span = Span(source, 0, 1)
        removed = Fix(span, "", safe=True)
        return (Diagnostic("W201", "a letter", span, fix=removed),) if source.text else ()

    monkeypatch.setattr("mergec.api.specs.check_spec", first_letter)
    Path("a.merge").write_text("abc")
    Path("b.merge").write_text("abcdefghijklm")
    Path("c.merge").write_text("a")
    assert check("a.merge", "c.merge")[:2] == (
        0,
        "fixed 3 findings in a.merge\nfixed 1 finding in c.merge\n2 specs checked, nothing found\n",
    )
    assert Path("a.merge").read_text() == ""
    # One that goes on and on ends with its tenth round.
    status, out, err = check("b.merge", "--deny", "W201")
    assert (status, out) == (3, "fixed 10 findings in b.merge\n")
    assert err.endswith("\n1 error\n")
    assert Path("b.merge").read_text() == "klm"


def test_what_is_right_is_not_written(check: Run) -> None:
    Path("a.merge").write_text('a = model("./a")\n')
    before = os.stat("a.merge")
    assert check("a.merge") == (0, "1 spec checked, nothing found\n", "")
    after = os.stat("a.merge")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_programs_read_nothing_but_their_format(check: Run) -> None:
    Path("a.merge").write_text('# mergec: allow W201 because x\na = model("./a")\n')
    assert check("a.merge", "--output-format", "json") == (
        0,
        "[]\n",
        "fixed 1 finding in a.merge\n",
    )


def test_a_spec_that_is_not_there_is_told_once(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert check("nowhere.merge") == (
        4,
        "",
        "error[E701]: there is no spec `nowhere.merge`\n"
        "   = help: no `.merge` file is in that folder; check the path\n\n"
        "1 error\n",
    )
