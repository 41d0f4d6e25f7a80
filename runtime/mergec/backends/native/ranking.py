"""LLVM code that ranks the elements of rows: a radix sort of patterns, from the lowest byte up.

A pattern and its place in the row are one word, and each pass moves the words by one byte of the
pattern, which keeps the order of equals. The last pass moves nothing: where a word would go is the
rank of its place.
"""

from typing import Any

from mergec.backends.native.loops import add_to, loop

_BYTES = 4
_VALUES = 256
LEAST_ROW = 128
"""Below that, going through the counters of a row costs more than a sort by comparisons."""


def scratch_bytes(row: int) -> int:
    """What one call needs for rows of `row` elements: counters, and the words twice."""
    return _BYTES * _VALUES * 8 + 2 * row * 8


def emit_ranking(ir: Any, module: Any) -> None:
    """Define `rank(patterns, rows, row, ranks, scratch)`: int32 without a sign to int64."""
    _Ranking(ir, module).emit()


class _Ranking:
    def __init__(self, ir: Any, module: Any) -> None:
        self.ir = ir
        self.i32, self.i64, pointer = ir.IntType(32), ir.IntType(64), ir.PointerType()
        taken = [pointer, self.i64, self.i64, pointer, pointer]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), taken), "rank")
        for argument in (function.args[0], *function.args[3:]):
            argument.add_attribute("noalias")
        self.patterns, self.rows, self.row, self.ranks, self.counters = function.args
        self.build = ir.IRBuilder(function.append_basic_block("entry"))
        self.words = self.at(self.counters, self.i64(_BYTES * _VALUES))
        self.others = self.at(self.words, self.row)

    def emit(self) -> None:
        """Row by row."""
        build, i64 = self.build, self.i64
        with loop(self.ir, build, i64(0), self.rows) as number:
            first = build.mul(number, self.row)
            with loop(self.ir, build, i64(0), i64(_BYTES * _VALUES)) as i:
                build.store(i64(0), self.at(self.counters, i))
            self._count(first)
            self._accumulate()
            source, target = self.words, self.others
            for byte in range(_BYTES - 1):
                self._move(byte, source, target)
                source, target = target, source
            self._rank(first, source)
        build.ret_void()

    def _count(self, first: Any) -> None:
        """The words of a row, and how often each value of each byte occurs."""
        build, i64 = self.build, self.i64
        with loop(self.ir, build, i64(0), self.row) as i:
            address = build.gep(self.patterns, [build.add(first, i)], source_etype=self.i32)
            pattern = build.zext(build.load(address, typ=self.i32), i64)
            word = build.or_(build.shl(pattern, i64(32)), i)
            build.store(word, self.at(self.words, i))
            for byte in range(_BYTES):
                add_to(build, self._counter(byte, word), i64(1))

    def _accumulate(self) -> None:
        """Of counts make the places where each value's words begin."""
        build, i64 = self.build, self.i64
        with loop(self.ir, build, i64(0), i64(_BYTES)) as byte:
            table = build.mul(byte, i64(_VALUES))
            sum_ = self.at(self.others, i64(0))  # free until the first move
            build.store(i64(0), sum_)
            with loop(self.ir, build, i64(0), i64(_VALUES)) as value:
                counter = self.at(self.counters, build.add(table, value))
                count = build.load(counter, typ=i64)
                build.store(build.load(sum_, typ=i64), counter)
                add_to(build, sum_, count)

    def _move(self, byte: int, source: Any, target: Any) -> None:
        build = self.build
        with loop(self.ir, build, self.i64(0), self.row) as i:
            word = build.load(self.at(source, i), typ=self.i64)
            place = self._take_place(byte, word)
            build.store(word, self.at(target, place))

    def _rank(self, first: Any, source: Any) -> None:
        build, i64 = self.build, self.i64
        with loop(self.ir, build, i64(0), self.row) as i:
            word = build.load(self.at(source, i), typ=i64)
            place = self._take_place(_BYTES - 1, word)
            element = build.add(first, build.and_(word, i64(0xFFFFFFFF)))
            build.store(place, self.at(self.ranks, element))

    def _take_place(self, byte: int, word: Any) -> Any:
        counter = self._counter(byte, word)
        place = self.build.load(counter, typ=self.i64)
        self.build.store(self.build.add(place, self.i64(1)), counter)
        return place

    def _counter(self, byte: int, word: Any) -> Any:
        build, i64 = self.build, self.i64
        value = build.and_(build.lshr(word, i64(32 + 8 * byte)), i64(_VALUES - 1))
        return self.at(self.counters, build.add(value, i64(byte * _VALUES)))

    def at(self, words: Any, index: Any) -> Any:
        """The address of an int64."""
        return self.build.gep(words, [index], source_etype=self.i64)
