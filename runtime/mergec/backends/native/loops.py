"""Loops in LLVM code."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


@contextmanager
def loop(ir: Any, build: Any, start: Any, stop: Any) -> Generator[Any]:
    """Instructions inside run for each int64 from `start` below `stop`."""
    function, i64 = build.function, ir.IntType(64)
    before = build.block
    body, done = function.append_basic_block("loop"), function.append_basic_block("end")
    build.cbranch(build.icmp_signed("<", start, stop), body, done)
    build.position_at_end(body)
    index = build.phi(i64)
    index.add_incoming(start, before)
    yield index
    following = build.add(index, i64(1), flags=("nuw", "nsw"))
    index.add_incoming(following, build.block)
    build.cbranch(build.icmp_signed("<", following, stop), body, done)
    build.position_at_end(done)


def add_to(build: Any, address: Any, value: Any) -> None:
    """Add to a number in memory."""
    build.store(build.add(build.load(address, typ=value.type), value), address)
