"""A tensor's stored bytes, block by block: held whole if they fit, else read again each sweep."""

from typing import Protocol, final

from mergec.catalog import TensorEntry
from mergec.shards import SourceReader


class BlockInput(Protocol):
    """What sweeps read: the stored bytes of one tensor, element range by element range."""

    @property
    def entry(self) -> TensorEntry:
        """The tensor's dtype, shape and name."""
        ...

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`; read-only by convention."""
        ...


@final
class TensorInput:
    """One source tensor as the sweeps of one thread read it, in order."""

    def __init__(self, reader: SourceReader, entry: TensorEntry, *, held: bool) -> None:
        """With `held`, all of the tensor is read now, once; it costs `entry.nbytes` of memory."""
        self.entry = entry
        self._reader = reader
        self._width = entry.dtype.bits // 8
        self._held = held
        self._buffer = memoryview(bytearray(entry.nbytes if held else 0))
        if held:
            reader.read_into(entry, 0, self._buffer)

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`, valid until the next call."""
        offset, size = start * self._width, count * self._width
        if self._held:
            return self._buffer[offset : offset + size]
        if len(self._buffer) < size:
            self._buffer = memoryview(bytearray(size))
        self._reader.read_into(self.entry, offset, self._buffer[:size])
        return self._buffer[:size]
