"""A tensor that is seen by its rows: a block gathers rows of the file as its view says."""

from typing import final

from mergec.backends.reference import ReferenceBackend
from mergec.catalog import TensorEntry
from mergec.shards import SourceReader


@final
class RowInput:
    """One viewed tensor as the sweeps of one thread read it: only rows that a block shows are read.

    A run of neighbouring rows is one read. Blocks may begin and end within a row.
    """

    def __init__(self, reader: SourceReader, entry: TensorEntry) -> None:
        assert entry.view is not None
        self.entry = entry
        self._reader = reader
        self._view = entry.view
        self._stored = entry.stored
        self._width = entry.dtype.bits // 8
        self._row = entry.row_bytes
        self._buffer = memoryview(bytearray())
        self._ones = _ones(entry) if entry.view.kind == "present" else b""

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`, valid until the next call."""
        offset, size = start * self._width, count * self._width
        if len(self._buffer) < size:
            self._buffer = memoryview(bytearray(size))
        block = self._buffer[:size]
        if size == 0:
            return block
        first, last = offset // self._row, (offset + size - 1) // self._row
        for at, rows, row in self._view.runs(first, last + 1):
            # What of the run lies within the block, as bytes of the view.
            begin = max(at * self._row, offset)
            end = min((at + rows) * self._row, offset + size)
            self._fill(block[begin - offset : end - offset], row, begin - at * self._row)
        return block

    def _fill(self, part: memoryview, row: int, skipped: int) -> None:
        """A part of a run that is the row `row` of the file and those behind it, or nothing."""
        if row < 0:
            part[:] = bytes(len(part))
        elif self._ones:
            part[:] = self._ones * (len(part) // len(self._ones))
        else:
            self._reader.read_into(self._stored, row * self._row + skipped, part)


def _ones(entry: TensorEntry) -> bytes:
    """The number one as the tensor's dtype stores it."""
    backend = ReferenceBackend()
    return bytes(backend.store(backend.xp.floats([1.0]), entry.dtype))
