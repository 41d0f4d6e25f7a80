"""From a header's JSON to tensor entries: names, dtypes, shapes, and bytes that tile the file."""

import re
from collections.abc import Sequence
from json import dumps
from math import prod
from pathlib import Path
from typing import Any, cast

from mergec.catalog.checkpoint import TensorEntry, TensorName
from mergec.catalog.dtypes import Dtype
from mergec.catalog.quoted import counted, quoted
from mergec.diagnostics import MergecError, fail

MAX_TENSORS = 200_000
MAX_METADATA_BYTES = 1 << 20
MAX_NAME_BYTES = 1024
MAX_RANK = 16
MAX_DIM = 1 << 40
MAX_ELEMENTS = 1 << 60  # with dimensions of 0 left out, as readers multiply in 64 bits

_FIELDS = {"dtype", "shape", "data_offsets"}
_DTYPES = {dtype.value: dtype for dtype in Dtype}
_REWRITE = "write the file again with the `safetensors` library"
_AGAIN = "download or copy the file again; an interrupted transfer leaves such files"


def parse_table(
    path: Path, raw: bytes, table: object, *, data_start: int, file_size: int
) -> tuple[tuple[TensorEntry, ...], dict[str, str]]:
    """The entries, by offset, and the free metadata of the parsed header `table`.

    `raw` is the header's text, for the places of what is wrong; `data_start` is the byte of the
    file where the tensors begin. Raises E703, E707, E708 and E718 to E720.
    """
    members = cast("dict[str, Any]", table)  # the text begins with `{` and is JSON
    metadata = _metadata(path, members.pop("__metadata__", {}))
    if len(members) > MAX_TENSORS:
        raise _limit(path, f"holds {len(members):,} tensors", f"{MAX_TENSORS:,}")
    file = path.name
    entries = [
        _plain_entry(file, name, spec, data_start) or _entry(path, raw, name, spec, data_start)
        for name, spec in members.items()
    ]
    entries.sort(key=lambda entry: (entry.start, entry.nbytes, entry.name))
    _check_tiling(path, entries, data_start)
    _check_end(path, entries, data_start, file_size)
    return tuple(entries), metadata


def key_places(raw: bytes, key: str) -> list[int]:
    """The byte offsets in the header `raw` at which `key` stands, if written plainly."""
    written = dumps(key, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return [match.start() for match in re.finditer(re.escape(written) + rb"\s*:", raw)]


def _metadata(path: Path, found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        raise _bad(path, "has a `__metadata__` that is not an object of strings")
    metadata = cast("dict[str, object]", found)
    size = 0
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise _bad(path, f"has metadata {quoted(key)} that is not a string")
        try:
            size += len(key.encode()) + len(value.encode())
        except UnicodeEncodeError:
            raise _bad(path, f"has metadata {quoted(key)} with half a surrogate pair") from None
    if size > MAX_METADATA_BYTES:
        raise _limit(path, f"has {size:,} bytes of metadata", f"{MAX_METADATA_BYTES:,}")
    return cast("dict[str, str]", metadata)


def _plain_entry(file: str, name: str, spec: Any, data_start: int) -> TensorEntry | None:
    """The entry of a tensor at which there is nothing to look twice; None for any other.

    Nearly all are such, and there are tens of thousands; what is wrong with the rest, if anything,
    `_entry` finds out.
    """
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= MAX_NAME_BYTES):
        return None
    if type(spec) is not dict or spec.keys() != _FIELDS:
        return None
    fields = cast("dict[str, Any]", spec)
    word, dims, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if type(word) is not str or type(dims) is not list or type(offsets) is not list:
        return None
    dtype, shape, span = _DTYPES.get(word), cast("list[int]", dims), cast("list[int]", offsets)
    if dtype is None or len(shape) > MAX_RANK or len(span) != 2:
        return None
    if any([type(number) is not int or number < 0 for number in (*shape, *span)]):
        return None
    elements, (begin, end) = prod(shape), span
    if not 0 < elements <= MAX_DIM or begin > end:
        return None
    if (end - begin) * 8 != elements * dtype.bits:
        return None
    return TensorEntry(
        TensorName(name), dtype, tuple(shape), file, data_start + begin, nbytes=end - begin
    )


def _entry(path: Path, raw: bytes, name: str, spec: Any, data_start: int) -> TensorEntry:
    _check_name(path, raw, name)
    tensor = f"tensor {quoted(name)}"
    if not isinstance(spec, dict):
        raise _bad(path, f"has no object for {tensor}")
    fields = cast("dict[str, Any]", spec)
    if fields.keys() != _FIELDS:
        raise _wrong_fields(path, tensor, fields)
    dtype = _DTYPES.get(fields["dtype"]) if isinstance(fields["dtype"], str) else None
    if dtype is None:
        raise _unknown_dtype(path, tensor, fields["dtype"])
    shape = _shape(path, tensor, fields["shape"])
    begin, end = _offsets(path, tensor, fields["data_offsets"])
    _check_size(path, tensor, dtype, shape, begin, end)
    return TensorEntry(
        TensorName(name), dtype, shape, path.name, data_start + begin, nbytes=end - begin
    )


def _check_name(path: Path, raw: bytes, name: str) -> None:
    if name.isascii() and name.isprintable() and 0 < len(name) <= MAX_NAME_BYTES:
        return
    places = key_places(raw, name)
    at = f" at byte {8 + places[0]:,} of the file" if len(places) == 1 else ""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        problem = "has half a surrogate pair in its name"
    else:
        if not size:
            problem = "has an empty name"
        elif size > MAX_NAME_BYTES:
            problem = f"has a name of {size:,} bytes, more than {MAX_NAME_BYTES:,}"
        elif any(_is_control(char) for char in name):
            problem = "has a control character in its name"
        else:
            return
    raise fail(
        "E718",
        f"in {quoted(path)} a tensor {problem}: {quoted(name)}",
        notes=(f"the name stands{at}",) if at else (),
        help="rename the tensor in the program that wrote the file",
    )


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char < "\xa0"


def _wrong_fields(path: Path, tensor: str, fields: dict[str, Any]) -> MergecError:
    if unknown := sorted(fields.keys() - _FIELDS):
        return _bad(path, f"has a field {quoted(unknown[0])} that the format lacks in {tensor}")
    lacking = sorted(_FIELDS - fields.keys())
    return _bad(path, f"has no field {quoted(lacking[0])} for {tensor}")


def _unknown_dtype(path: Path, tensor: str, found: object) -> MergecError:
    return fail(
        "E707",
        f"the header of {quoted(path)} gives {tensor} the dtype {quoted(found)}, which the format"
        " does not have",
        notes=(f"the dtypes are {', '.join(_DTYPES)}",),
        help=_REWRITE,
    )


def _shape(path: Path, tensor: str, found: object) -> tuple[int, ...]:
    if not isinstance(found, list):
        raise _bad(path, f"has a shape that is not a list for {tensor}")
    dims = cast("list[object]", found)
    if len(dims) > MAX_RANK:
        raise _limit(path, f"has {len(dims):,} dimensions for {tensor}", f"{MAX_RANK}")
    shape: list[int] = []
    for dim in dims:
        if type(dim) is not int or dim < 0:
            raise _bad(path, f"has {quoted(dim)} as a dimension of {tensor}, not a whole number")
        if dim > MAX_DIM:
            raise _limit(path, f"has the dimension {quoted(dim)} in {tensor}", "2⁴⁰")
        shape.append(dim)
    if prod(dim for dim in shape if dim) > MAX_ELEMENTS:
        raise _limit(path, f"has the shape {quoted(shape)} for {tensor}", "2⁶⁰ elements")
    return tuple(shape)


def _offsets(path: Path, tensor: str, found: object) -> tuple[int, int]:
    numbers = cast("list[object]", found) if isinstance(found, list) else []
    whole = [number for number in numbers if type(number) is int]
    if len(numbers) != 2 or len(whole) != 2:
        raise _bad(path, f"has data_offsets of {tensor} that are not two whole numbers")
    begin, end = whole
    if begin < 0 or end < begin:
        what = "begin before the data" if begin < 0 else "end before they begin"
        raise _misplaced(path, f"the bytes {begin:,} to {end:,} of {tensor} {what}")
    return begin, end


def _check_size(
    path: Path, tensor: str, dtype: Dtype, shape: Sequence[int], begin: int, end: int
) -> None:
    bits = prod(shape) * dtype.bits
    if not bits % 8 and end - begin == bits // 8:
        return
    kind = f"{dtype.word}[{','.join(map(str, shape))}]"
    if bits % 8:
        raise _misplaced(path, f"{tensor}, {kind}, does not end at the border of a byte")
    raise _misplaced(
        path,
        f"{tensor}, {kind}, needs {bits // 8:,} bytes and its offsets span {end - begin:,}",
    )


def _check_tiling(path: Path, entries: Sequence[TensorEntry], data_start: int) -> None:
    reached, before = data_start, None
    for entry in entries:
        if entry.start != reached:
            raise _gap_or_overlap(path, before, entry, data_start)
        reached, before = entry.start + entry.nbytes, entry


def _gap_or_overlap(
    path: Path, before: TensorEntry | None, entry: TensorEntry, data_start: int
) -> MergecError:
    here = _range(entry, data_start)
    if before is None:
        return _misplaced(path, f"no tensor covers the bytes before {here}")
    if entry.start > before.start + before.nbytes:
        return _misplaced(path, f"a hole lies between {_range(before, data_start)} and {here}")
    return _misplaced(path, f"{_range(before, data_start)} and {here} overlap")


def _range(entry: TensorEntry, data_start: int) -> str:
    begin = entry.start - data_start
    return f"{quoted(entry.name)} (bytes {begin:,} to {begin + entry.nbytes:,})"


def _check_end(path: Path, entries: Sequence[TensorEntry], data_start: int, file_size: int) -> None:
    end = entries[-1].start + entries[-1].nbytes if entries else data_start
    if file_size > end:
        raise fail(
            "E720",
            f"{quoted(path)} has {counted(file_size - end, 'byte')} after its last tensor",
            notes=(f"the header accounts for {end:,} bytes and the file has {file_size:,}",),
            help=_AGAIN,
        )
    if file_size < end:
        first = next(entry for entry in entries if entry.start + entry.nbytes > file_size)
        raise fail(
            "E703",
            f"{quoted(path)} is truncated: {file_size:,} bytes of {end:,}",
            notes=(f"the first tensor that is not complete is {quoted(first.name)}",),
            help=_AGAIN,
        )


def _bad(path: Path, what: str) -> MergecError:
    return fail("E707", f"the header of {quoted(path)} {what}", help=_REWRITE)


def _limit(path: Path, what: str, limit: str) -> MergecError:
    return fail(
        "E708",
        f"the header of {quoted(path)} {what}, and mergec reads up to {limit}",
        help="check the program that wrote the file; no real model comes near this limit",
    )


def _misplaced(path: Path, what: str) -> MergecError:
    return fail("E719", f"in {quoted(path)} {what}", help=_REWRITE)
