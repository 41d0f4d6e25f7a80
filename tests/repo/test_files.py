"""What may stand in the files of the repository, how long they may be, and how changes are told."""

import re
from pathlib import Path

import pytest

from tests.repo.tree import ROOT, files

LONGEST = 600

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.~}-])/(?:work|root|home|tmp|Users)/\w"),
    "an unfinished part": re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b"),
    "a package index": re.compile(r"\b(?:pypi\.(?:org)|pythonhosted\.(?:org)|download\.pytorch)"),
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts() -> dict[str, str]:
    """Every file of the repository that is text, but the licence, which is not ours to word."""
    found: dict[str, str] = {}
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content and path.name != "LICENSE":
            found[relative(path)] = content.decode(errors="replace")
    return found


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    hits = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if FORBIDDEN[what].search(line)
    ]
    assert hits == []


def test_no_file_is_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = {relative(path): len(path.read_bytes().splitlines()) for path in files("*.py")}
    longest = sorted(lengths, key=lambda name: (-lengths[name], name))[:10]
    with capsys.disabled():
        print("\nlongest files:", *(f"{lengths[name]:5} {name}" for name in longest), sep="\n")
    assert [name for name in sorted(lengths) if lengths[name] > LONGEST] == []


def test_test_files_have_names_of_their_own() -> None:
    # One name in two folders would be one module to anything that looks at names alone.
    names = [path.name for path in files("tests/*.py", "tests/**/*.py")]
    assert sorted(names) == sorted(set(names))


def test_a_change_is_told_in_one_named_paragraph() -> None:
    fragments = [path for path in files("changes/*") if path.name != "README.md"]
    for path in fragments:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.(added|changed|fixed|removed)\.md", path.name)
        text = path.read_text()
        assert text.endswith("\n"), path.name
        assert text.strip(), path.name
        assert "\n\n" not in text.strip(), path.name
        assert not re.search(r"^\s*[-*#] ", text, re.MULTILINE), path.name
    released = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert fragments or released
