"""One tensor on all sides, block by block: its sums, and the digests of its bytes."""

from collections.abc import Callable, Mapping

from mergec.backends import Backend
from mergec.catalog import Dtype, Sha256
from mergec.execute.inputs import TensorInput, pieces
from mergec.execute.likeness.figures import Kind
from mergec.execute.likeness.pairing import Side, Together
from mergec.frozen import frozen
from mergec.ops.measures import Partial
from mergec.ops.tree_sum import LEAF
from mergec.shards import SourceReader, TensorDigest

# Elements at a time: a megabyte for each array in float64, of which a block has some ten.
BLOCK = 2 * LEAF

Readers = Mapping[Side, SourceReader]
# Is told the bytes just read, and may raise to end the work.
Told = Callable[[int], None]


@frozen
class Observed:
    """What stays of a tensor: its sums, None where it was not computed with, and its digests."""

    partial: Partial | None
    digests: Mapping[Side, Sha256]


def observe(
    together: Together,
    readers: Readers,
    backend: Backend,
    kind: Kind,
    block: int = BLOCK,
    told: Told = lambda _: None,
) -> Observed:
    """Read a tensor once on each side. `block` is a multiple of 2¹⁶ elements."""
    if not together.computable:
        return Observed(None, {side: _digest(together, side, readers, told) for side in readers})
    inputs = {
        side: TensorInput(readers[side], entry, held=False)
        for side, entry in together.entries.items()
    }
    digests: dict[Side, TensorDigest] = {
        side: TensorDigest(entry.name, entry.nbytes) for side, entry in together.entries.items()
    }
    tally = kind.begin()
    numel = together.entries["a"].numel
    for start in range(0, numel, block):
        count = min(block, numel - start)
        arrays: list[object] = []
        for side, entry in together.entries.items():
            raw = inputs[side].block(start, count)
            told(raw.nbytes)
            digests[side].feed(start * entry.dtype.bits // 8, raw)
            arrays.append(backend.borrow(raw, entry.dtype, Dtype.F64))
        kind.observe(backend.xp, tally, arrays)
        backend.finish()
    taken: dict[Side, Sha256] = {side: each.hexdigest() for side, each in digests.items()}
    return Observed(kind.partial(tally), taken)


def _digest(together: Together, side: Side, readers: Readers, told: Told) -> Sha256:
    entry = together.entries[side]
    digest = TensorDigest(entry.name, entry.nbytes)
    for offset, piece in pieces(readers[side], entry):
        told(piece.nbytes)
        digest.feed(offset, piece)
    return digest.hexdigest()
