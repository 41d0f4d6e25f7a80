"""Every malformed safetensors file gets its code and a message that says what is wrong with it."""

import os
import socket
from pathlib import Path

import pytest

from mergec.catalog import read_header
from mergec.catalog.tensor_table import MAX_TENSORS
from mergec.diagnostics import CODES, Diagnostic, MergecError
from tests.catalog.malformed_files import (
    EIGHT,
    F32,
    FORMATS,
    GOOD,
    LENIENT,
    OID,
    POINTER,
    ROWS,
)
from tests.catalog.safetensors_bytes import entry, file_of, framed, refusal
from tests.faults.tally import tally


@pytest.mark.parametrize("row", ROWS)
def test_malformed_file_is_refused_in_words(row: str, tmp_path: Path) -> None:
    content, code, message = ROWS[row]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    tally("malformed headers", files=1, accepted=int(is_read(path)))
    found = refusal(path)
    assert (found.code, found.message) == (code, message.replace("F", f"`{path}`", 1))
    assert found.help
    assert CODES[code].exit == 4


def is_read(path: Path) -> bool:
    try:
        read_header(path)
    except MergecError:
        return False
    return True


@pytest.mark.parametrize("row", ROWS)
def test_the_library_refuses_it_too_unless_listed(row: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    content, _, _ = ROWS[row]
    try:
        safetensors.deserialize(content)
    except safetensors.SafetensorError:
        read = False
    else:
        read = True
    assert read == (row in LENIENT)


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ("html", "download the file again"),
        ("text", "download the file again"),
        ("index", "name the folder of the checkpoint"),
        ("zip", "convert it with safetensors where you trust it"),
        ("pickle", "convert it with safetensors where you trust it"),
        ("gguf", "name a `.safetensors` file"),
        ("lfs", "run `git lfs pull`"),
    ],
)
def test_advice_fits_the_format_found(row: str, advice: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(FORMATS[row][0])
    hints = refusal(path).help
    assert hints
    assert hints[0].startswith(advice)


def test_limit_of_tensors_is_met_before_parsing(tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    path.write_bytes(framed("{" + '"data_offsets"' * (MAX_TENSORS + 1)))
    found = refusal(path)
    assert found.code == "E708"
    assert found.message == (
        f"`{path}` holds 200,001 tensors, and mergec reads up to 200,000 from one file"
    )


def test_limit_of_header_bytes(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    with path.open("wb") as file:
        file.write((25_000_001).to_bytes(8, "little") + b"{")
        file.truncate(30_000_000)
    found = refusal(path)
    assert found.code == "E708"
    assert found.message == (
        f"`{path}` has a header of 25,000,001 bytes, and mergec reads up to 25,000,000"
    )


def note(content: bytes, path: Path) -> tuple[str, ...]:
    path.write_bytes(content)
    return refusal(path).notes


def test_notes_give_places(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    assert note(POINTER, path) == (f"it stands for sha256:{OID}, 12,345 bytes",)
    duplicate = framed(f'{{"a":{F32},"a":{F32}}}', EIGHT)
    assert duplicate[9:12] == duplicate[62:65] == b'"a"'
    assert note(duplicate, path) == ("it stands at bytes 9 and 62 of the file",)
    assert note(file_of({"a\u202e\x85": ("U8", [0], b"")}), path) == (
        "the name stands at byte 9 of the file",
    )
    cut = file_of({"a": ("U8", [4], b"1234"), "b": ("U8", [4], b"1234")})[:-1]
    assert note(cut, path) == ("the first tensor that is not complete is `b`",)
    assert note(cut[:-3], path) == ("the first tensor that is not complete is `b`",)
    assert note(GOOD + b"!", path) == (
        f"the header accounts for {len(GOOD)} bytes and the file has {len(GOOD) + 1}",
    )


@pytest.mark.parametrize("suffix", ["bin", "pt", "ckpt", "pth", "pkl", "PT"])
def test_pickle_suffix_is_refused_unread(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(GOOD)
    found = refusal(path)
    assert (found.code, found.exit) == ("E706", 12)
    assert found.message == f"`{path}` is in a pickle format"


def test_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(GOOD)
    found = refusal(tmp_path / "modle.safetensors")
    assert found.code == "E701"
    assert found.help == (f"write `{tmp_path / 'model.safetensors'}`",)
    deep = refusal(tmp_path / "qqqq" / "wwww" / "model.safetensors")
    assert deep.code == "E701"
    assert deep.help == (f"correct the path; as far as `{tmp_path}` it exists",)
    inside_file = refusal(tmp_path / "model.safetensors" / "x")
    assert inside_file.code == "E701"


def test_path_with_nul_is_no_path(tmp_path: Path) -> None:
    found = refusal(tmp_path / "a\0b")
    assert found.code == "E701"
    assert "a\\x00b` cannot be a path: embedded null byte" in found.message


def special_files(folder: Path) -> dict[Path, str]:
    fifo, bound = folder / "fifo", folder / "socket"
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bound))
    return {
        fifo: "FIFO",
        bound: "socket",
        folder: "folder",
        Path("/dev/null"): "character device",
    }


def test_what_is_not_a_regular_file_is_named_and_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may have a hundred bytes or so
    for path, kind in special_files(Path()).items():
        found = refusal(path)
        assert found.code == "E702"
        assert found.message == f"`{path}` is a {kind}, not a regular file"


def test_system_errors_keep_their_reason(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert refusal(loop).message == (
        f"`{loop}` cannot be opened: Too many levels of symbolic links (ELOOP)"
    )
    long = tmp_path / ("x" * 300)
    assert refusal(long).code == "E715"
    assert refusal(long).message.endswith("cannot be opened: File name too long (ENAMETOOLONG)")


def test_permission_is_not_mistaken_for_absence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "model.safetensors"
    monkeypatch.setattr("os.open", refuse)  # the tests may run as root, whom nothing refuses
    found = refusal(path)
    assert (found.code, found.exit) == ("E715", 8)
    assert found.message == f"`{path}` cannot be opened: Permission denied (EACCES)"


def test_read_error_is_not_mistaken_for_a_short_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_to_read(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    path = tmp_path / "model.safetensors"
    path.write_bytes(GOOD)
    monkeypatch.setattr("os.pread", fail_to_read)
    found = refusal(path)
    assert found.code == "E809"
    assert found.message == f"reading `{path}` failed at byte 0: Input/output error (EIO)"


def test_file_that_shrinks_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(GOOD)

    def read_nothing(*_: object) -> bytes:
        return b""

    monkeypatch.setattr("os.pread", read_nothing)
    found = refusal(path)
    assert found.code == "E703"
    assert found.message == (
        f"`{path}` ends at byte 0 and was {len(GOOD)} bytes long when it was opened"
    )


ACCEPTED = {
    "no-tensors": framed("{}"),
    "trailing-spaces": framed(f'{{"a":{F32}}}   ', EIGHT),
    "scalar": file_of({"a": ("F64", [], EIGHT)}),
    "zero-size-between": file_of(
        {"a": ("U8", [1], b"1"), "b": ("F32", [0, 5], b""), "c": ("U8", [1], b"2")}
    ),
    "rank-16": file_of({"a": ("U8", [1] * 16, b"1")}),
    "f4-even": file_of({"a": ("F4", [4], b"12")}),
    "f6": file_of({"a": ("F6_E2M3", [4], b"123")}),
    "f8-e8m0": file_of({"a": ("F8_E8M0", [2], b"12")}),
    "bool-of-255": file_of({"a": ("BOOL", [2], b"\x02\xff")}),
    "c64": file_of({"a": ("C64", [1], EIGHT)}),
    "another-order-than-of-bytes": framed(
        f'{{"b":{entry("U8", [4], 4, 8)},"a":{entry("U8", [4], 0, 4)}}}', EIGHT
    ),
    "path-like-name": file_of({"../../etc/passwd": ("U8", [1], b"1")}),
    "name-of-1024-bytes": file_of({"é" * 512: ("U8", [1], b"1")}),
    "escaped-name": framed(f'{{"\\u0061\\ud83d\\ude00":{F32}}}', EIGHT),
    "odd-header-length": framed(f'{{"a":{F32}}} ', EIGHT),
    "pickle-like-length": framed(f'{{"a":{F32}}}'.ljust(0x0280), EIGHT),
    "metadata": file_of({"a": ("U8", [1], b"1")}, {"format": "pt", "": ""}),
    "metadata-of-a-mebibyte": file_of({}, {"k": "x" * ((1 << 20) - 1)}),
    "zero-size-of-2-to-the-60": file_of({"a": ("U8", [1 << 40, 1 << 20, 0], b"")}),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_unusual_but_valid_file_is_read(row: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(ACCEPTED[row])
    warnings: list[Diagnostic] = []
    shard, entries = read_header(path, warnings.append)
    assert (shard.name, shard.size) == (path.name, len(ACCEPTED[row]))
    assert sum(entry.nbytes for entry in entries) == shard.size - (
        entries[0].start if entries else shard.size
    )
    assert warnings == []


def test_odd_padding_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(framed(f'{{"a":{F32}}}\n\t', EIGHT))
    warnings: list[Diagnostic] = []
    _, (found,) = read_header(path, warnings.append)
    assert found.describe() == "f32[2]"
    assert [warning.code for warning in warnings] == ["W702"]


def test_terabyte_file_costs_its_header(tmp_path: Path) -> None:
    path = tmp_path / "sparse.safetensors"
    size = 1 << 40
    header = framed(f'{{"a":{entry("U8", [size], 0, size)}}}')
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)
    _, (found,) = read_header(path)
    assert (found.start, found.nbytes) == (len(header), size)
