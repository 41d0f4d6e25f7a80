"""A tensor's stored bytes, block by block: held whole if they fit, else read again each sweep."""

from collections.abc import Iterator
from typing import Protocol, final

from mergec.catalog import TensorEntry
from mergec.execute.row_input import RowInput
from mergec.shards import ReadAhead, SourceReader

# Bytes read at a time where no block size is given: they stay in the processor's cache until they
# are hashed and written, which is 30 % faster than with buffers of 4 MiB. It is faster too than to
# let the kernel copy from file to file: the digest needs the bytes here in any case (1.14 CPU
# seconds against 1.45 for 1.2 GB on ext4), and blocks of a disk cannot be shared between files
# whose tensors begin at different offsets within them.
_PIECE = 256 << 10
# The same where what is read is held.
_HELD_STEP = 4 << 20


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
        self._stream = _Stream(reader, entry)
        self._width = entry.dtype.bits // 8
        self._held = held
        self._buffer = memoryview(bytearray(entry.nbytes if held else 0))
        if held:
            for offset in range(0, entry.nbytes, _HELD_STEP):
                self._stream.read_into(offset, self._buffer[offset : offset + _HELD_STEP])

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of elements `start` to `start + count`, valid until the next call."""
        offset, size = start * self._width, count * self._width
        if self._held:
            return self._buffer[offset : offset + size]
        if len(self._buffer) < size:
            self._buffer = memoryview(bytearray(size))
        self._stream.read_into(offset, self._buffer[:size])
        return self._buffer[:size]


def open_input(reader: SourceReader, entry: TensorEntry, *, held: bool) -> BlockInput:
    """A source tensor as it is, or as its view shows it, which is never held."""
    if entry.view is not None:
        return RowInput(reader, entry)
    return TensorInput(reader, entry, held=held)


def pieces(reader: SourceReader, entry: TensorEntry) -> Iterator[tuple[int, memoryview]]:
    """A tensor's stored bytes, piece by piece, with their offsets; each valid until the next."""
    if entry.view is not None:
        shown, width = RowInput(reader, entry), entry.dtype.bits // 8
        for start in range(0, entry.numel, _PIECE // width):
            count = min(_PIECE // width, entry.numel - start)
            yield start * width, shown.block(start, count)
        return
    stream = _Stream(reader, entry)
    buffer = memoryview(bytearray(min(_PIECE, entry.nbytes)))
    for offset in range(0, entry.nbytes, _PIECE):
        piece = buffer[: min(_PIECE, entry.nbytes - offset)]
        stream.read_into(offset, piece)
        yield offset, piece


@final
class _Stream:
    """Reads one tensor from front to back, any number of times."""

    __slots__ = ("_ahead", "_entry", "_reader", "_waits")

    def __init__(self, reader: SourceReader, entry: TensorEntry) -> None:
        self._reader = reader
        self._entry = entry
        self._ahead = ReadAhead(self._ask, 0, entry.nbytes)
        self._waits = False

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` with the bytes from `offset` on."""

        def missing() -> None:
            self._waits = True
            self._ahead.before(offset, len(buffer))

        if self._waits:
            self._ahead.before(offset, len(buffer))
        self._reader.read_into(self._entry, offset, buffer, missing)

    def _ask(self, offset: int, count: int) -> None:
        self._reader.expect(self._entry, offset, count)
