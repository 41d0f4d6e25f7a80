"""Spec files are checked before they are parsed."""

import os
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError
from mergec.syntax import decode_spec, parse_spec, read_spec
from mergec.syntax.limits import SPEC_BYTES


def refusal(path: Path) -> tuple[str, str, tuple[str, ...] | None]:
    with pytest.raises(MergecError) as caught:
        read_spec(path, path.name)
    (found,) = caught.value.diagnostics
    return found.code, found.message, found.help


def test_a_spec_is_read_under_the_name_that_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "a.merge"
    path.write_bytes("# é\r\nx = y\n".encode())
    source = read_spec(path, "./a.merge")
    assert (source.name, source.text) == ("./a.merge", "# é\r\nx = y\n")


def test_a_byte_order_mark_is_dropped_with_a_warning() -> None:
    source = decode_spec(b"\xef\xbb\xbfmergec 1\nx = y\n", "a.merge")
    result = parse_spec(source)
    assert source.text == "mergec 1\nx = y\n"
    assert result.spec.edition == 1
    assert [found.code for found in result.diagnostics] == ["W101"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"# ok\nx = \xff", "`a.merge` is not UTF-8 text: byte 0xff at offset 9, in line 2"),
        (b"x = \xed\xa0\x80", "`a.merge` is not UTF-8 text: byte 0xed at offset 4, in line 1"),
        ("x = y".encode("utf-16"), "`a.merge` is UTF-16 text"),
        ("x = y".encode("utf-32"), "`a.merge` is UTF-32 text"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.merge"
    path.write_bytes(data)
    assert refusal(path) == ("E106", message, ("save the file as UTF-8",))


def test_a_spec_of_a_megabyte_is_read_and_a_larger_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.merge"
    path.write_bytes(b"#" * SPEC_BYTES)
    assert len(read_spec(path, "a.merge").text) == SPEC_BYTES
    # Ten terabytes with nothing in them: only the first bytes are ever read.
    os.truncate(path, 10 << 40)
    assert refusal(path)[:2] == ("E107", "`a.merge` is larger than 1 MiB")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.merge").mkdir()
    os.mkfifo(tmp_path / "pipe.merge")
    (tmp_path / "loop.merge").symlink_to("loop.merge")
    (tmp_path / "child.merge").touch()
    assert refusal(tmp_path / "folder.merge")[:2] == (
        "E702",
        "`folder.merge` is not a regular file",
    )
    assert refusal(tmp_path / "pipe.merge")[0] == "E702"
    assert refusal(tmp_path / "loop.merge")[:2] == (
        "E715",
        "cannot open `loop.merge`: Too many levels of symbolic links",
    )
    near = tmp_path / "child.merge"
    assert refusal(tmp_path / "chidl.merge") == (
        "E701",
        "there is no spec `chidl.merge`",
        (f"did you mean `{near}`?",),
    )
    assert refusal(tmp_path / "none" / "a.merge") == (
        "E701",
        "there is no spec `a.merge`",
        ("there is no folder `.` either; check the path",),
    )
    assert refusal(tmp_path / "a\0b")[0] == "E715"


def test_what_is_beside_a_missing_spec_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.merge")[2] == (
        "no `.merge` file is in that folder; check the path",
    )
    for name in ("first", "second", "third"):
        (tmp_path / f"{name}.merge").touch()
    assert refusal(tmp_path / "a.merge")[2] == (
        "specs in that folder: `first.merge`, `second.merge`, `third.merge`",
    )
    (tmp_path / "fourth.merge").touch()
    assert refusal(tmp_path / "a.merge")[2] == (
        "specs in that folder: `first.merge`, `fourth.merge`, `second.merge` and 1 more",
    )
    with pytest.raises(MergecError) as caught:
        read_spec(tmp_path / "nowhere" / "a.merge", "./nowhere/a.merge")
    (found,) = caught.value.diagnostics
    assert found.help == ("there is no folder `nowhere` either; check the path",)


def test_a_name_is_printed_escaped(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a\x1b[31m.merge")[1] == r"there is no spec `a\u{1b}[31m.merge`"
