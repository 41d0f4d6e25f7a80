"""The strict reader of safetensors headers.

The format is eight bytes of length N (little-endian), N bytes of JSON, and the tensors' bytes
without holes. What mergec accepts the `safetensors` library reads to the same bytes; what the
library rejects mergec rejects; mergec is stricter about everything a reader could take in two ways
(keys that stand twice, unknown fields, leading white space) and about sizes.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from mergec.catalog.checkpoint import Sha256, ShardFile, TensorEntry
from mergec.catalog.folder import Opener, ReadableFile
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.quoted import counted, quoted
from mergec.catalog.regular_file import open_regular
from mergec.catalog.tensor_table import MAX_TENSORS, key_places, parse_table
from mergec.catalog.wrong_format import (
    PICKLE_SUFFIXES,
    SNIFFED_BYTES,
    refuse_by_content,
    refuse_pickle,
)
from mergec.diagnostics import Diagnostic, MergecError, fail

MAX_HEADER_BYTES = 25_000_000
FORMAT_HEADER_BYTES = 100_000_000  # the format's own limit

_WORD = 8  # bytes of the length before the header


def read_header(
    path: Path,
    warn: Callable[[Diagnostic], None] = lambda _: None,
    opened: Opener = open_regular,
) -> tuple[ShardFile, tuple[TensorEntry, ...]]:
    """The header of the safetensors file `path`; the entries come in the order of their bytes.

    Reads the header alone, whatever the size of the file. `warn` gets W702 for odd padding;
    `opened` opens the file, by default on this disk.
    Raises E701, E702, E715 and E809 for a file that cannot be read, E703 to E706 for one that is
    incomplete or something else, and E707 to E709, E718 to E720 for one that breaks the format.
    """
    with opened(path) as file:
        if path.suffix.lower() in PICKLE_SUFFIXES:
            raise refuse_pickle(path)
        word, raw = _framed_header(file)
    table = _parse(path, raw)
    entries, metadata = parse_table(
        path, raw, table, data_start=_WORD + len(raw), file_size=file.size
    )
    if raw.rstrip(b" ")[-1:] != b"}":
        warn(_odd_padding(path))
    digest = Sha256(hashlib.sha256(word + raw).hexdigest())
    return ShardFile(path.name, file.size, digest, metadata), entries


def _framed_header(file: ReadableFile) -> tuple[bytes, bytes]:
    """The eight bytes of the length and the header, once the lengths make sense."""
    path = quoted(file.path)
    if file.size < _WORD:
        raise fail(
            "E703",
            f"{path} is {counted(file.size, 'byte')} long, too short for a safetensors header",
            help="download or copy the file again; an interrupted transfer leaves such files",
        )
    head = file.read(0, min(file.size, SNIFFED_BYTES))
    word = head[:_WORD]
    length = int.from_bytes(word, "little")
    if length == 0:
        raise fail(
            "E703",
            f"{path} belongs to an unfinished checkpoint: its first eight bytes are zero",
            help="let the program that writes it finish, or write the checkpoint again",
        )
    fits = length <= file.size - _WORD
    if not fits or head[_WORD : _WORD + 1] != b"{":
        _refuse_framing(file, head, length)
    if length > MAX_HEADER_BYTES:
        raise _too_long(path, length)
    return word, file.read(_WORD, length)


def _refuse_framing(file: ReadableFile, head: bytes, length: int) -> None:
    """Always raises: the finding that says best why this is not a header."""
    path = quoted(file.path)
    if found := refuse_by_content(file.path, head):
        raise found
    swapped = int.from_bytes(head[:_WORD], "big")
    if head[_WORD : _WORD + 1] == b"{" and swapped <= file.size - _WORD:
        raise fail(
            "E707",
            f"{path} has its header length in big-endian order",
            help="write the file again; safetensors lengths are little-endian",
        )
    if length > MAX_HEADER_BYTES:
        raise _too_long(path, length)
    if length > file.size - _WORD:
        raise fail(
            "E703",
            f"{path} is {file.size:,} bytes long and its header alone needs {_WORD + length:,}",
            help="download or copy the file again; an interrupted transfer leaves such files",
        )
    raise fail(
        "E707",
        f"{path} has a header that does not begin with a curly bracket",
        notes=("the format wants `{` as the first byte, without white space or a mark before it",),
        help="write the file again with the `safetensors` library",
    )


def _too_long(path: str, length: int) -> MergecError:
    if length > FORMAT_HEADER_BYTES:
        return fail(
            "E708",
            f"{path} states a header of {length:,} bytes, and the format allows"
            f" {FORMAT_HEADER_BYTES:,}",
            help="check that the file is safetensors; other formats show impossible lengths here",
        )
    return fail(
        "E708",
        f"{path} has a header of {length:,} bytes, and mergec reads up to {MAX_HEADER_BYTES:,}",
        help="split the checkpoint into shards with fewer tensors each",
    )


def _parse(path: Path, raw: bytes) -> object:
    # Counted first, and fast: a million entries cost a JSON reader seconds and a gigabyte.
    tensors = raw.count(b'"data_offsets"')
    if tensors > MAX_TENSORS:
        raise fail(
            "E708",
            f"{quoted(path)} holds {tensors:,} tensors, and mergec reads up to {MAX_TENSORS:,}"
            " from one file",
            help="split the checkpoint into shards with fewer tensors each",
        )
    if raw.count(b"[") + raw.count(b"{") > 5 * MAX_TENSORS:
        raise fail(
            "E708",
            f"{quoted(path)} has a header with more than {5 * MAX_TENSORS:,} brackets",
            help="write the file again with the `safetensors` library",
        )
    try:
        return parse_json(raw)
    except JsonProblem as problem:
        raise _refuse_json(path, raw, problem) from None


def _refuse_json(path: Path, raw: bytes, problem: JsonProblem) -> MergecError:
    if problem.kind == "duplicate":
        places = key_places(raw, problem.key)
        at = " and ".join(f"{_WORD + place:,}" for place in places)
        return fail(
            "E709",
            f"the header of {quoted(path)} has the key {quoted(problem.key)} twice",
            notes=(f"it stands at bytes {at} of the file",) if len(places) == 2 else (),
            help="write the file again, so that each tensor and each field stands once",
        )
    return fail(
        "E708" if problem.kind == "depth" else "E707",
        f"the header of {quoted(path)} {problem}",
        help="download the file again, or write it with the `safetensors` library",
    )


def _odd_padding(path: Path) -> Diagnostic:
    return Diagnostic(
        "W702",
        f"the header of {quoted(path)} is padded with other white space than spaces",
        None,
        notes=("the format allows spaces alone, though other readers let this pass",),
        help=("write the file again with the `safetensors` library",),
    )
