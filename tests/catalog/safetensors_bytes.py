"""Safetensors files made byte by byte, right and wrong ones, without the library."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mergec.catalog import read_header
from mergec.diagnostics import Diagnostic, MergecError

Tensor = tuple[str, list[int], bytes]


def framed(header: str | bytes, data: bytes = b"") -> bytes:
    """`header` behind its length, then `data`; no check of either."""
    raw = header.encode() if isinstance(header, str) else header
    return len(raw).to_bytes(8, "little") + raw + data


def entry(dtype: str, shape: list[int], begin: int, end: int) -> str:
    """One tensor's JSON, as the library writes it."""
    fields = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return json.dumps(fields, separators=(",", ":"))


def file_of(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file of `tensors` (dtype, shape, bytes), in the order given."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    data = b""
    for name, (dtype, shape, held) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(held)],
        }
        data += held
    return framed(json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass"), data)


def refusal(path: Path) -> Diagnostic:
    """The one finding with which the header reader refuses `path`."""
    with pytest.raises(MergecError) as caught:
        read_header(path)
    (found,) = caught.value.diagnostics
    return found
