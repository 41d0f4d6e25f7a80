"""The backend: bytes in, lazy arrays, bytes out."""

from collections.abc import Sequence
from typing import final

from mergec.backends.backend import Backend, Encoded
from mergec.backends.lazy.array import Lazy, given
from mergec.backends.lazy.requests import Total
from mergec.backends.native.engine import Engine, shared_engine
from mergec.backends.native.namespace import NativeNamespace
from mergec.backends.native.requests import EncodedBlock
from mergec.backends.reference import ReferenceBackend
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype


@final
class NativeBackend(Backend):
    """Loops that LLVM compiles for this processor; imports neither torch nor jax.

    Raises E603 without llvmlite.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        self.name = "native"
        self.engine = engine or shared_engine()
        self._numpy = ReferenceBackend()
        self.xp: NativeNamespace = NativeNamespace(self.engine)

    def load(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Lazy:
        """Of a copy, so that the reader may reuse its buffer."""
        return self._decoded(memoryview(bytes(raw)), dtype, work, lent=False)

    def borrow(self, raw: memoryview, dtype: Dtype, work: Dtype) -> Lazy:
        """Of the bytes as they lie there, decoded wherever an element is needed."""
        return self._decoded(raw, dtype, work, lent=True)

    def store(self, block: Lazy, dtype: Dtype) -> memoryview:
        """A new buffer."""
        return self.encode(block, dtype).data

    def encode(self, block: Lazy, dtype: Dtype) -> Encoded:
        """Computed with everything else that is asked of this block."""
        if dtype is Dtype.F16 and not self.engine.halves:
            return self._numpy.encode(block.view, dtype)
        encoded = EncodedBlock(self.xp, block, dtype)
        self.xp.ask(encoded)
        return encoded

    def finish(self) -> None:
        """Answer what this thread has asked for and not looked at."""
        self.xp.finish()

    def count_non_finite(self, block: Lazy) -> int:
        """Without decoding: by the exponent."""
        return self.xp.total("odd", block)

    def notice_non_finite(self, blocks: Sequence[Lazy]) -> Sequence[Total]:
        """With everything else that is asked of these blocks."""
        return [self.xp.ask_total("odd", block) for block in blocks]

    def count_overflow(self, block: Lazy, dtype: Dtype) -> int:
        """Those that are lost, less those that were lost before."""
        return self.encode(block, dtype).lost - self.count_non_finite(block)

    def count_underflow(self, block: Lazy, dtype: Dtype) -> int:
        """As they are encoded."""
        return self.encode(block, dtype).underflow

    def _decoded(self, raw: memoryview, dtype: Dtype, work: Dtype, *, lent: bool) -> Lazy:
        if SIGNIFICAND_BITS[dtype] > SIGNIFICAND_BITS[work]:
            raise ValueError(f"{dtype.word} does not fit {work.word}")
        if dtype is Dtype.F16 and not self.engine.halves:
            return given(self.xp, self._numpy.load(raw, dtype, work))
        n = raw.nbytes * 8 // dtype.bits
        return Lazy(self.xp, "stored", (), work.word, n, raw, dtype, lent=lent)
