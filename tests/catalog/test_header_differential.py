"""Our header reader against the `safetensors` library, on generated and on damaged files."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mergec.catalog import Dtype, TensorEntry, read_header
from mergec.diagnostics import MergecError
from tests.catalog.safetensors_bytes import Tensor, file_of, framed

safetensors = pytest.importorskip("safetensors")

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12
).filter(lambda name: name != "__metadata__")


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    dtype = draw(st.sampled_from(Dtype))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    if dtype.bits % 8:
        shape.append(4)  # four elements of 4 or 6 bits end on a byte
    count = dtype.bits
    for dim in shape:
        count *= dim
    size = count // 8
    return dtype.value, shape, draw(st.binary(min_size=size, max_size=size))


FILES = st.builds(
    file_of,
    st.dictionaries(NAMES, tensors(), max_size=6),
    st.none() | st.dictionaries(st.text(st.characters(codec="utf-8")), NAMES, max_size=3),
)


def ours(content: bytes) -> dict[str, tuple[str, list[int], bytes]] | None:
    """What our reader makes of a file, or None if it refuses it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(content)
        try:
            shard, entries = read_header(path)
        except MergecError:
            return None
    assert [entry.start for entry in entries] == sorted(entry.start for entry in entries)
    header = content[: 8 + int.from_bytes(content[:8], "little")]
    assert shard.header_digest == hashlib.sha256(header).hexdigest()
    assert shard.metadata == json.loads(header[8:]).get("__metadata__", {})
    return {
        entry.name: (entry.dtype.value, list(entry.shape), cut(content, entry)) for entry in entries
    }


def cut(content: bytes, entry: TensorEntry) -> bytes:
    return content[entry.start : entry.start + entry.nbytes]


def theirs(content: bytes) -> dict[str, tuple[str, list[int], bytes]] | None:
    """The same from the library."""
    try:
        read = cast("list[tuple[str, dict[str, Any]]]", safetensors.deserialize(content))
    except safetensors.SafetensorError:
        return None
    return {name: (it["dtype"], it["shape"], bytes(it["data"])) for name, it in read}


@given(FILES)
def test_valid_files_read_alike(content: bytes) -> None:
    read = ours(content)
    assert read is not None
    assert read == theirs(content)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes replaced, removed or added, the length word often corrected."""
    content = draw(FILES)
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(header)))
        drop = draw(st.integers(0, 3))
        put = draw(st.binary(max_size=2) | st.sampled_from(PIECES))
        header = header[:at] + put + header[at + drop :]
    data = data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data
    if draw(st.integers(0, 9)):
        return framed(header, data)
    return draw(st.binary(min_size=8, max_size=8)) + header + data


PIECES = [
    *(b"0", b"1", b"-", b"9" * 20, b",", b"{", b"}", b"[", b"]", b'"', b" ", b"\n", b"\\", b":"),
    *(b"\\u0000", b"\\ud800", b"null", b"1e0", b'"a":{},', b'"__metadata__":{},', b"NaN"),
]


@given(damaged())
@example(framed('{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'))
@example(framed('{"a":{"dtype":"U8","shape":[0],"data_offsets":[-0,0]}}'))
@example(framed('{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}', b"1"))
@example(framed('{"a\\u00zz":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"))
@example(framed('{"a\tb":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"))
def test_what_we_accept_of_damaged_files_the_library_reads_alike(content: bytes) -> None:
    read = ours(content)
    if read is not None:
        assert read == theirs(content)


OFFSETS = st.integers(-1, 9)


@given(
    st.lists(
        st.tuples(st.sampled_from(["U8", "F4", "F16"]), st.integers(-1, 6), OFFSETS, OFFSETS),
        max_size=4,
    ),
    st.integers(0, 9),
)
def test_any_layout_is_judged_alike(rows: list[tuple[str, int, int, int]], size: int) -> None:
    header = {
        f"t{place}": {"dtype": dtype, "shape": [dim], "data_offsets": [begin, end]}
        for place, (dtype, dim, begin, end) in enumerate(rows)
    }
    content = framed(json.dumps(header), bytes(range(size)))
    assert ours(content) == theirs(content)
