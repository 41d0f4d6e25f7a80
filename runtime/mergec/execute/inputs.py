"""A tensor's stored bytes, block by block: held whole if they fit, else read again each sweep."""

from typing import final

from mergec.catalog import TensorEntry
from mergec.shards import SourceReader


@final
class TensorInput:
    """One source tensor as the sweeps of one thread read it, in order."""

    def __init__(self, reader: SourceReader, entry: TensorEntry, *, held: bool) -> None:
        """With `held`, all of the tensor is read now, once; it costs `entry.nbytes` of memory."""
        self.entry = entry
        self._reader = reader
        self._width = entry.dtype.bits // 8
        self._held = self._read(0, entry.nbytes) if held else None

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`; read-only by convention."""
        offset, size = start * self._width, count * self._width
        if self._held is not None:
            return self._held[offset : offset + size]
        return self._read(offset, size)

    def _read(self, offset: int, size: int) -> memoryview:
        buffer = memoryview(bytearray(size))
        self._reader.read_into(self.entry, offset, buffer)
        return buffer
