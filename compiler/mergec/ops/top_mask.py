"""Which elements of a block are among the k largest of their tensor, once the k-th is known."""

from mergec.ops.namespace import Array, ArrayNamespace
from mergec.ops.select_top import Search


def top_mask(xp: ArrayNamespace, x: Array, search: Search, seen: int) -> tuple[Array, int]:
    """Where `x` is among the k largest magnitudes that a finished `search` was for.

    Of the equals at the threshold those of lowest index are. `seen` is how many of them came in
    earlier blocks; the second result is that count after this block.
    """
    bits, threshold = xp.magnitude_bits(x), search.prefix
    if search.rank == search.members:
        return bits >= threshold, seen
    room = search.rank - seen
    if room <= 0:
        return bits > threshold, seen
    in_class = bits == threshold
    found = xp.count(in_class)
    if found <= room:
        return bits >= threshold, seen + found
    return (bits > threshold) | (in_class & (xp.cumulative_count(in_class) <= room)), seen + found
