"""An unfinished shard: at its full size, with its header and without the length before that."""

from mergec.plan.layout import ShardLayout
from mergec.shards.files import Files

_LENGTH_WORD = 8


def lay_shard(files: Files, descriptor: int, layout: ShardLayout, *, used: bool = False) -> None:
    """Make an open file that, and close it. If it is `used`, weights may be in it already."""
    try:
        if used:
            files.write_at(descriptor, memoryview(bytes(_LENGTH_WORD)), 0)
        files.reserve(descriptor, layout.size)
        if used:
            files.resize(descriptor, layout.size)
        files.write_at(descriptor, memoryview(layout.header), _LENGTH_WORD)
    finally:
        files.close(descriptor)


def length_word(layout: ShardLayout) -> memoryview:
    """The eight bytes that make a shard a finished one."""
    return memoryview(len(layout.header).to_bytes(_LENGTH_WORD, "little"))
