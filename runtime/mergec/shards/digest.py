"""The SHA-256 of a tensor's bytes, taken while they are written."""

import hashlib
from typing import final

from mergec.catalog.checkpoint import Sha256


@final
class TensorDigest:
    """Takes a tensor's bytes in order of their offset and knows how far it has come.

    If it is not to be `hashed`, the count is all it keeps.

    The order is what makes the count a proof: with no gap and no overlap, `written == nbytes` means
    that every byte was given exactly once.
    """

    __slots__ = ("_hash", "_settled", "name", "nbytes", "written")

    def __init__(self, name: str, nbytes: int, *, hashed: bool = True) -> None:
        self.name = name
        self.nbytes = nbytes
        self.written = 0
        self._hash = hashlib.sha256() if hashed else None
        self._settled: Sha256 | None = None

    @property
    def complete(self) -> bool:
        """Whether all bytes have been given."""
        return self.written == self.nbytes

    def settle(self, digest: Sha256) -> None:
        """All bytes are there already, and this is known to be their digest."""
        self.written, self._settled = self.nbytes, digest

    def expect(self, byte_offset: int, count: int) -> None:
        """ValueError unless the next bytes to come are `count` bytes at `byte_offset`."""
        if byte_offset != self.written:
            raise ValueError(f"{self.name}: offset {byte_offset} given, {self.written} is next")
        if byte_offset + count > self.nbytes:
            raise ValueError(f"{self.name} ends at {self.nbytes}, not {byte_offset + count}")

    def feed(self, byte_offset: int, data: memoryview) -> None:
        """Take the next bytes; ValueError if they are not the next."""
        self.expect(byte_offset, data.nbytes)
        if self._hash is not None:
            self._hash.update(data)
        self.written += data.nbytes

    def require_complete(self) -> None:
        """ValueError before all bytes have been given."""
        if not self.complete:
            raise ValueError(f"{self.name}: {self.written} of {self.nbytes} bytes were written")

    def hexdigest(self) -> Sha256:
        """The digest of the whole tensor; ValueError before it is complete, or if not hashed."""
        self.require_complete()
        if self._settled is not None:
            return self._settled
        if self._hash is None:
            raise ValueError(f"{self.name} is not hashed")
        return Sha256(self._hash.hexdigest())
