"""Output layouts: the bytes of the safetensors library, greedy packing, the index."""

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import DTypeLike, NDArray
from safetensors import safe_open
from safetensors.numpy import save

from mergec.catalog.dtypes import Dtype
from mergec.plan.layout import OutputTensor, ShardLayout, index_json, index_name, lay_out

PT = {"format": "pt"}

NUMPY_DTYPES: dict[Dtype, DTypeLike] = {
    Dtype.BOOL: np.bool_,
    Dtype.U8: np.uint8,
    Dtype.I8: np.int8,
    Dtype.F8_E5M2: ml_dtypes.float8_e5m2,
    Dtype.F8_E4M3: ml_dtypes.float8_e4m3fn,
    Dtype.I16: np.int16,
    Dtype.U16: np.uint16,
    Dtype.F16: np.float16,
    Dtype.BF16: ml_dtypes.bfloat16,
    Dtype.I32: np.int32,
    Dtype.U32: np.uint32,
    Dtype.F32: np.float32,
    Dtype.C64: np.complex64,
    Dtype.F64: np.float64,
    Dtype.I64: np.int64,
    Dtype.U64: np.uint64,
}


def f32(name: str, *shape: int) -> OutputTensor:
    return OutputTensor(name, Dtype.F32, shape)


def names(layout: ShardLayout) -> list[str]:
    return [tensor.name for tensor in layout.tensors]


def assemble(layout: ShardLayout, arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """A shard's bytes as its layout says, each tensor put at its own offset."""
    raw = bytearray(layout.size)
    raw[:8] = len(layout.header).to_bytes(8, "little")
    raw[8 : 8 + len(layout.header)] = layout.header
    for place in layout.tensors:
        raw[place.start : place.start + place.nbytes] = arrays[place.name].tobytes()
    assert len(raw) == layout.size
    return bytes(raw)


tensor_tables = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
        lambda name: name != "__metadata__"
    ),
    st.tuples(
        st.sampled_from(sorted(NUMPY_DTYPES)),
        st.lists(st.integers(0, 3), max_size=3).map(tuple),
    ),
    max_size=8,
)


@given(tensor_tables, st.sampled_from([PT, {}]))
def test_bytes_equal_those_of_the_library(
    table: dict[str, tuple[Dtype, tuple[int, ...]]], metadata: dict[str, str]
) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, NDArray[np.generic]] = {
        name: rng.integers(0, 2, size=shape).astype(NUMPY_DTYPES[dtype])
        for name, (dtype, shape) in table.items()
    }
    tensors = [OutputTensor(name, dtype, shape) for name, (dtype, shape) in table.items()]
    layouts = lay_out(tensors, 10**9, metadata)
    if not table:
        assert layouts == ()
        return
    (layout,) = layouts
    assert assemble(layout, arrays) == save(arrays, metadata or None)


def test_every_dtype_has_the_library_place(tmp_path: Path) -> None:
    """Dtypes numpy lacks too: the library reads them back at the offsets of the layout."""
    known = [dtype for dtype in Dtype if dtype not in (Dtype.F6_E2M3, Dtype.F6_E3M2)]
    (layout,) = lay_out([OutputTensor(d.word, d, (8,)) for d in known], 10**9, PT)
    path = tmp_path / layout.name
    path.write_bytes(
        len(layout.header).to_bytes(8, "little")
        + layout.header
        + bytes(layout.size - 8 - len(layout.header))
    )
    with cast(Any, safe_open(path, "numpy")) as opened:
        assert opened.offset_keys() == names(layout)
        for dtype in known:
            assert opened.get_slice(dtype.word).get_dtype() == dtype.value


def test_metadata_is_sorted_and_the_header_padded() -> None:
    (layout,) = lay_out([f32("w", 1)], 1, {"format": "pt", "b": "2", "a": "1"})
    assert layout.header.startswith(b'{"__metadata__":{"a":"1","b":"2","format":"pt"},"w":')
    assert (8 + len(layout.header)) % 8 == 0
    assert layout.header.rstrip(b" ").endswith(b"}}")


def test_greedy_packing_keeps_the_order_given() -> None:
    tensors = [f32("d", 2), f32("c", 2), f32("big", 9), f32("empty", 0), f32("b", 3), f32("a", 1)]
    layouts = lay_out(tensors, 16, PT)
    assert [(layout.name, names(layout)) for layout in layouts] == [
        ("model-00001-of-00003.safetensors", ["c", "d"]),
        ("model-00002-of-00003.safetensors", ["big"]),
        ("model-00003-of-00003.safetensors", ["a", "b", "empty"]),
    ]


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 64))
def test_packing_loses_nothing_and_splits_only_when_it_must(sizes: list[int], limit: int) -> None:
    tensors = [OutputTensor(f"{i:02d}", Dtype.U8, (n,)) for i, n in enumerate(sizes)]
    shards = [sorted(names(layout)) for layout in lay_out(tensors, limit, PT)]
    assert [name for shard in shards for name in shard] == [tensor.name for tensor in tensors]
    for shard, following in zip_longest(shards, shards[1:]):
        filled = sum(sizes[int(name)] for name in shard)
        assert filled <= limit or len(shard) == 1
        assert following is None or filled + sizes[int(following[0])] > limit


def test_index() -> None:
    layouts = lay_out([f32("z", 2), f32("a", 3), f32("é", 1)], 12, PT)
    raw = index_json(layouts)
    assert raw is not None
    assert raw.endswith(b"}\n")
    index = json.loads(raw)
    assert list(index["weight_map"].items()) == [
        ("a", "model-00002-of-00003.safetensors"),
        ("z", "model-00001-of-00003.safetensors"),
        ("é", "model-00003-of-00003.safetensors"),
    ]
    assert index["metadata"] == {"total_size": 24, "total_parameters": 6}


@pytest.mark.parametrize("stem", ["model", "delta", "a-b"])
@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_stem_begins_every_name(stem: str, count: int) -> None:
    layouts = lay_out([f32(f"{i:02d}", 1) for i in range(count)], 4, PT, stem)
    assert [layout.name for layout in layouts] == (
        [f"{stem}.safetensors"]
        if count == 1
        else [f"{stem}-{i:05d}-of-{count:05d}.safetensors" for i in range(1, count + 1)]
    )
    assert index_name(layouts) == f"{stem}.safetensors.index.json"


def test_one_shard_has_no_index() -> None:
    layouts = lay_out([f32("w", 2)], 8, PT)
    assert [layout.name for layout in layouts] == ["model.safetensors"]
    assert index_json(layouts) is None


def test_sub_byte_dtypes_fill_whole_bytes() -> None:
    assert OutputTensor("w", Dtype.F4, (3, 2)).nbytes == 3
    assert OutputTensor("w", Dtype.F6_E2M3, (4,)).nbytes == 3
    with pytest.raises(ValueError, match="ends within a byte"):
        lay_out([OutputTensor("w", Dtype.F4, (3,))], 8, PT)


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        lay_out([f32("w", 1)], 0, PT)
    with pytest.raises(ValueError, match="one name"):
        lay_out([f32("w", 1), f32("w", 2)], 8, PT)
