"""Where every output tensor will lie: shard names, headers, offsets; before a weight is read.

The bytes are those of the safetensors library's own writer: tensors by falling alignment of their
dtype, then by name; compact JSON; spaces up to a multiple of eight. A layout is a pure function of
its inputs, so that a plan and its run agree without storing it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

from mergec.catalog.dtypes import Dtype
from mergec.frozen import frozen

_LENGTH_WORD = 8
_ALIGNMENT = 8


@frozen
class OutputTensor:
    """A tensor to be written."""

    name: str
    dtype: Dtype
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes in the file; a sub-byte dtype must fill whole bytes, else ValueError."""
        size, rest = divmod(prod(self.shape) * self.dtype.bits, 8)
        if rest:
            raise ValueError(f"{self.name}: {self.dtype.word} {self.shape} ends within a byte")
        return size


@frozen
class Placement:
    """One tensor's place: `start` is the absolute byte offset in the shard."""

    name: str
    dtype: Dtype
    shape: tuple[int, ...]
    start: int
    nbytes: int


@frozen
class ShardLayout:
    """One file to be written.

    `header` is the JSON header, padded with spaces, without the eight-byte length word before it.
    `tensors` is in file order, without holes. `size` is the whole file in bytes.
    """

    name: str
    header: bytes
    tensors: tuple[Placement, ...]
    size: int


def lay_out(
    tensors: Sequence[OutputTensor],
    shard_bytes: int,
    metadata: Mapping[str, str],
    stem: str = "model",
) -> tuple[ShardLayout, ...]:
    """Pack tensors into shards of at most `shard_bytes` of tensor data, in the order given.

    A shard is closed when the next tensor does not fit, so a tensor above the limit stands alone.
    `stem` begins every file name. `metadata` goes into every header, sorted. No tensors, no shards.
    ValueError for a limit below one byte and for a name that comes twice.
    """
    if shard_bytes < 1:
        raise ValueError(f"a shard of {shard_bytes} bytes holds nothing")
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise ValueError("two output tensors have one name")
    groups = list(_pack(tensors, shard_bytes))
    return tuple(
        _lay_out_shard(_shard_name(stem, number, len(groups)), group, metadata)
        for number, group in enumerate(groups, start=1)
    )


def index_name(layouts: Sequence[ShardLayout]) -> str:
    """The index of these shards, such as `model.safetensors.index.json`."""
    number = f"-00001-of-{len(layouts):05d}"
    stem = layouts[0].name.removesuffix(".safetensors").removesuffix(number)
    return f"{stem}.safetensors.index.json"


def index_json(layouts: Sequence[ShardLayout]) -> bytes | None:
    """The bytes of the index file, or None for fewer than two shards."""
    if len(layouts) < 2:
        return None
    placed = [(tensor, layout.name) for layout in layouts for tensor in layout.tensors]
    index = {
        "metadata": {
            "total_parameters": sum(prod(tensor.shape) for tensor, _ in placed),
            "total_size": sum(tensor.nbytes for tensor, _ in placed),
        },
        "weight_map": {tensor.name: shard for tensor, shard in placed},
    }
    text = json.dumps(index, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()


def _pack(tensors: Iterable[OutputTensor], shard_bytes: int) -> Iterator[list[OutputTensor]]:
    group: list[OutputTensor] = []
    filled = 0
    for tensor in tensors:
        if group and filled + tensor.nbytes > shard_bytes:
            yield group
            group, filled = [], 0
        group.append(tensor)
        filled += tensor.nbytes
    if group:
        yield group


def _shard_name(stem: str, number: int, count: int) -> str:
    if count == 1:
        return f"{stem}.safetensors"
    return f"{stem}-{number:05d}-of-{count:05d}.safetensors"


def _lay_out_shard(
    name: str, group: Iterable[OutputTensor], metadata: Mapping[str, str]
) -> ShardLayout:
    ordered = sorted(group, key=lambda tensor: (-tensor.dtype.rank, tensor.name))
    header = _header(ordered, metadata)
    placements: list[Placement] = []
    start = _LENGTH_WORD + len(header)
    for tensor in ordered:
        place = Placement(tensor.name, tensor.dtype, tensor.shape, start, tensor.nbytes)
        placements.append(place)
        start += place.nbytes
    return ShardLayout(name, header, tuple(placements), start)


def _header(ordered: Iterable[OutputTensor], metadata: Mapping[str, str]) -> bytes:
    # Sorted, because the library writes two keys or more in an order that differs between runs.
    table: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    begin = 0
    for tensor in ordered:
        table[tensor.name] = {
            "dtype": tensor.dtype.value,
            "shape": list(tensor.shape),
            "data_offsets": [begin, begin + tensor.nbytes],
        }
        begin += tensor.nbytes
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % _ALIGNMENT)
