"""Tensors as a plan sees them: with the rows of a child's vocabulary in place of their own."""

from mergec.backends import get_backend
from mergec.catalog import TensorEntry
from mergec.verify.evaluate import StoredTensor


def seen(entry: TensorEntry, held: StoredTensor) -> StoredTensor:
    """What `entry` shows of the tensor in a file; the tensor itself where it shows all."""
    view = entry.view
    if view is None:
        return held
    width = entry.row_bytes
    one = b""
    if view.kind == "present":
        backend = get_backend("reference")
        one = bytes(backend.store(backend.xp.floats([1.0]), entry.dtype))
    data = bytearray(view.total * width)
    for at, count, row in view.runs(0, view.total):
        place = slice(at * width, (at + count) * width)
        if row >= 0 and one:
            data[place] = one * (count * width // len(one))
        elif row >= 0:
            data[place] = held.data[row * width : (row + count) * width]
    return StoredTensor(held.dtype, entry.shape, bytes(data))
