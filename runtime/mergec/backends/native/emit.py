"""LLVM code for a kernel: one function with a loop for each thing that is made.

Everything elementwise shares one loop, which LLVM vectorises. A sum is formed leaf by leaf in the
order of the numeric contract: eight elements of a leaf that lie an eighth of it apart meet first,
as in three halvings, and the rest is halved in scratch memory. No instruction carries a fast-math
flag, so nothing is contracted, reassociated or flushed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mergec.backends.lazy.array import BOOL, F32, F64
from mergec.backends.lazy.kernel import DIGITS, Kernel, Number, Operand, Root
from mergec.backends.native.loops import add_to, loop
from mergec.backends.native.values import Values
from mergec.ops.tree_sum import LEAF

# Into how many parts a leaf is cut, whose elements meet first.
_PARTS = 8
SCRATCH = LEAF // _PARTS
"""How many float64 numbers the sum of a whole leaf needs for scratch."""
FLAGS = 4096
"""How many elements a search looks at together, in as many bytes of scratch."""
_WORD = 8  # flags that are looked at with one load
# A histogram of the top digit has two tables, which elements take in turn: neighbours are often
# equal, and a counter cannot be read before it is written. The sign is no part of the digit.
_HALF = DIGITS // 2


def emit(ir: Any, module: Any, name: str, kernel: Kernel) -> None:
    """Define the function `name`: n, the three tables of numbers, then the kernel's addresses."""
    _Emitter(ir, module, name, kernel).emit()


def emit_halving(ir: Any, module: Any) -> None:
    """Define `halve(numbers, width)`: halve float64 numbers until one is left; destroys them."""
    i64, double, pointer = ir.IntType(64), ir.DoubleType(), ir.PointerType()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, i64]), "halve")
    numbers, width = function.args
    build = ir.IRBuilder(function.append_basic_block("entry"))
    half = build.alloca(i64)
    build.store(build.lshr(width, i64(1)), half)
    head, body, done = (function.append_basic_block(name) for name in ("head", "body", "done"))
    build.branch(head)
    build.position_at_end(head)
    h = build.load(half, typ=i64)
    build.cbranch(build.icmp_unsigned(">", h, i64(0)), body, done)
    build.position_at_end(body)
    with loop(ir, build, i64(0), h) as k:
        low = build.gep(numbers, [k], source_etype=double)
        high = build.gep(numbers, [build.add(k, h)], source_etype=double)
        total = build.fadd(build.load(low, typ=double), build.load(high, typ=double))
        build.store(total, low)
    build.store(build.lshr(h, i64(1)), half)
    build.branch(head)
    build.position_at_end(done)
    build.ret_void()


class _Emitter:
    """Builds the function of one kernel."""

    def __init__(self, ir: Any, module: Any, name: str, kernel: Kernel) -> None:
        self.ir = ir
        self.kernel = kernel
        self.i64, self.double = ir.IntType(64), ir.DoubleType()
        pointer = ir.PointerType()
        taken = [self.i64, *[pointer] * (3 + kernel.addresses)]
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), taken), name)
        self.n, *addresses = self.function.args
        for argument in addresses:
            argument.add_attribute("noalias")
        self.tables, self.buffers = addresses[:3], addresses[3:]
        halving = ir.FunctionType(ir.VoidType(), [pointer, self.i64])
        self.halve = ir.Function(module, halving, "halve")
        self.build = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.numbers: dict[Number, Any] = {}

    def emit(self) -> None:
        """All loops, one after the other."""
        self._load_numbers()
        roots = self.kernel.roots
        sums = [root for root in roots if root.what == "sums"]
        elementwise = [root for root in roots if root.what in _ELEMENTWISE]
        # What is only looked for needs no loop of its own.
        passing = elementwise if sums and all(r.what == "odd" for r in elementwise) else []
        if elementwise and not passing:
            self._elementwise(elementwise)
        if sums:
            self._sums(sums, passing)
        for root in roots:
            if root.what == "interleave":
                self._interleave(root)
            elif root.what == "top":
                self._top(root)
            elif root.what == "digit":
                self._digit(root)
        self.build.ret_void()

    def _load_numbers(self) -> None:
        """All numbers, before any loop."""
        operands = [arg for node in self.kernel.nodes for arg in node.args]
        operands += [arg for root in self.kernel.roots for arg in root.at]
        types = {F32: self.ir.FloatType(), F64: self.double, "i64": self.i64}
        for operand in operands:
            if not isinstance(operand, int) and operand not in self.numbers:
                table, place = operand
                type_ = types[table]
                at = self.tables[[*types].index(table)]
                address = self.build.gep(at, [self.i64(place)], source_etype=type_)
                self.numbers[operand] = self.build.load(address, typ=type_)

    def _number(self, operand: Operand, kind: str) -> Any:
        assert not isinstance(operand, int)
        value = self.numbers[operand]
        if operand[0] == "i64" and kind in ("i32", BOOL):
            return self.build.trunc(value, self.ir.IntType(32 if kind == "i32" else 1))
        return value

    def _values(self, index: Any) -> Values:
        return Values(
            self.ir, self.build, self.kernel.nodes, index, self.buffers.__getitem__, self._number
        )

    def _address(self, slot: int, index: Any, type_: Any) -> Any:
        return self.build.gep(self.buffers[slot], [index], source_etype=type_)

    def _elementwise(self, roots: Sequence[Root]) -> None:
        counters = {root: self._counter(root) for root in roots if root.what != "array"}
        small = {root: self._counter(root) for root in roots if root.what == "store"}
        with loop(self.ir, self.build, self.i64(0), self.n) as i:
            values = self._values(i)
            for root in roots:
                value = values.of(root.nodes[0])
                kind = self.kernel.nodes[root.nodes[0]].kind
                if root.what == "array":
                    self._keep(root.slot, i, value, kind)
                    continue
                if root.what == "store":
                    holds, faint = self._store(root, values, value, kind, i)
                    self._add_one(small[root], faint)
                else:
                    holds = value if root.what == "count" else self._odd(values, value, kind)
                self._add_one(counters[root], holds)
        self._keep_counts(counters)
        self._keep_counts(small, 1)

    def _keep_counts(self, counters: Mapping[Root, Any], place: int = 0) -> None:
        for root, counter in counters.items():
            total = self.build.load(counter, typ=counter.allocated_type)
            if total.type != self.i64:
                total = self.build.zext(total, self.i64)
            slot = root.slot + 1 if root.what == "store" else root.slot
            self.build.store(total, self._address(slot, self.i64(place), self.i64))

    def _keep(self, slot: int, index: Any, value: Any, kind: str) -> None:
        if kind == BOOL:
            value = self.build.zext(value, self.ir.IntType(8))
        self.build.store(value, self._address(slot, index, value.type))

    def _store(
        self, root: Root, values: Values, value: Any, kind: str, index: Any
    ) -> tuple[Any, Any]:
        """Encode by way of float32; whether what is stored is not finite, and lost small digits."""
        build = self.build
        if root.of == F64:
            encoded = values.converted(value, kind, F64)
        elif root.of == F32:
            encoded = values.converted(value, kind, F32)
        elif root.of == "f16":
            encoded = build.fptrunc(values.converted(value, kind, F32), self.ir.HalfType())
        else:
            encoded = self._bfloat(values.converted(value, kind, F32))
        build.store(encoded, self._address(root.slot, index, encoded.type))
        if kind == F32 and root.of != F64:
            return self._lost(value, root.of)
        exponent = _EXPONENT[root.of]
        word = self.ir.IntType(_STORED_BITS[root.of])
        bits = encoded if encoded.type == word else build.bitcast(encoded, word)
        mask = word(exponent)
        found = build.and_(bits, mask)
        # Zero but as it is stored, or below the least normal number.
        low = build.icmp_unsigned("==", found, word(0))
        faint = build.and_(low, build.fcmp_unordered("une", value, value.type(0.0)))
        return build.icmp_unsigned("==", found, mask), faint

    def _lost(self, value: Any, of: str) -> tuple[Any, Any]:
        """The same of a float32 value, by its own bits: without the sign one comparison each."""
        build, word = self.build, self.ir.IntType(32)
        twice = build.shl(build.bitcast(value, word), word(1))
        normal, infinite = _LIMITS[of]
        lost = build.icmp_unsigned(">=", twice, word(2 * infinite))
        # Zero less one is the largest of all.
        faint = build.icmp_unsigned("<", build.sub(twice, word(1)), word(2 * normal - 1))
        return lost, faint

    def _bfloat(self, value: Any) -> Any:
        """Rounded to nearest even; NaN stays NaN."""
        build, word = self.build, self.ir.IntType(32)
        bits = build.bitcast(value, word)
        high = build.lshr(bits, word(16))
        up = build.add(build.and_(high, word(1)), word(0x7FFF))
        rounded = build.lshr(build.add(bits, up), word(16))
        quiet = build.or_(high, word(0x40))
        nan = build.fcmp_unordered("uno", value, value)
        return build.trunc(build.select(nan, quiet, rounded), self.ir.IntType(16))

    def _odd(self, values: Values, value: Any, kind: str) -> Any:
        bits = values.magnitude_bits(value, kind)
        return self.build.icmp_signed(">=", bits, bits.type(_EXPONENT[kind]))

    def _interleave(self, root: Root) -> None:
        with loop(self.ir, self.build, self.i64(0), self.n) as i:
            values = self._values(i)
            even = self.build.shl(i, self.i64(1))
            odd = self.build.or_(even, self.i64(1))
            for node, index in zip(root.nodes, (even, odd), strict=True):
                self._keep(root.slot, index, values.of(node), self.kernel.nodes[node].kind)

    def _sums(self, roots: Sequence[Root], odd: Sequence[Root]) -> None:
        """Leaf by leaf; what is odd is counted on the way."""
        build, i64 = self.build, self.i64
        counters = {root: self._counter(root) for root in odd}
        leaves = build.lshr(self.n, i64(LEAF.bit_length() - 1))
        with loop(self.ir, build, i64(0), leaves) as leaf:
            start = build.mul(leaf, i64(LEAF))
            with loop(self.ir, build, i64(0), i64(SCRATCH)) as j:
                first = build.add(start, j)
                parts = [
                    self._values(build.add(first, i64(part * SCRATCH))) for part in range(_PARTS)
                ]
                for root in roots:
                    level = [values.of(root.nodes[0]) for values in parts]
                    while len(level) > 1:
                        half = len(level) // 2
                        level = [build.fadd(level[k], level[k + half]) for k in range(half)]
                    build.store(level[0], self._address(root.slot + 1, j, self.double))
                for values in parts:
                    self._count_odd(counters, values)
            for root in roots:
                self._finish_sum(root, i64(SCRATCH), leaf)
        start = build.mul(leaves, i64(LEAF))
        left = build.sub(self.n, start)
        with build.if_then(build.icmp_unsigned(">", left, i64(0))):
            for root in roots:
                self._last_leaf(root, start, left)
                self._finish_sum(root, self._number(root.at[0], "i64"), leaves)
            if odd:
                with loop(self.ir, build, i64(0), left) as j:
                    self._count_odd(counters, self._values(build.add(start, j)))
        self._keep_counts(counters)

    def _count_odd(self, counters: Mapping[Root, Any], values: Values) -> None:
        for root, counter in counters.items():
            node = root.nodes[0]
            holds = self._odd(values, values.of(node), self.kernel.nodes[node].kind)
            self._add_one(counter, holds)

    def _last_leaf(self, root: Root, start: Any, left: Any) -> None:
        """Its elements, then zeros up to the power of two that the first number is."""
        build, i64 = self.build, self.i64
        with loop(self.ir, build, i64(0), left) as j:
            value = self._values(build.add(start, j)).of(root.nodes[0])
            build.store(value, self._address(root.slot + 1, j, self.double))
        with loop(self.ir, build, left, self._number(root.at[0], "i64")) as j:
            build.store(self.double(0.0), self._address(root.slot + 1, j, self.double))

    def _finish_sum(self, root: Root, width: Any, leaf: Any) -> None:
        scratch = self.buffers[root.slot + 1]
        self.build.call(self.halve, [scratch, width])
        total = self.build.load(scratch, typ=self.double)
        self.build.store(total, self._address(root.slot, leaf, self.double))

    def _top(self, root: Root) -> None:
        build, i64 = self.build, self.i64
        shift = self._number(root.at[0], "i64")
        with loop(self.ir, build, i64(0), self.n) as i:
            digit = self._digit_of(self._values(i), root, shift)
            table = build.mul(build.and_(i, i64(1)), i64(_HALF))
            add_to(self.build, self._address(root.slot, build.add(digit, table), i64), i64(1))

    def _digit(self, root: Root) -> None:
        """Elements with the prefix are few: flag them in a vectorised loop, then look for flags."""
        build, i64, byte = self.build, self.i64, self.ir.IntType(8)
        shift, prefix = (self._number(number, "i64") for number in root.at)
        above = build.add(shift, i64(16))
        chunks = build.udiv(build.add(self.n, i64(FLAGS - 1)), i64(FLAGS))
        with loop(self.ir, build, i64(0), chunks) as chunk:
            start = build.mul(chunk, i64(FLAGS))
            left = build.sub(self.n, start)
            whole = build.icmp_unsigned(">=", left, i64(FLAGS))
            count = build.select(whole, i64(FLAGS), left)
            with loop(self.ir, build, i64(0), count) as j:
                bits = self._pattern(self._values(build.add(start, j)), root)
                high = build.lshr(bits, self._as(above, bits.type))
                found = build.icmp_unsigned("==", high, self._as(prefix, bits.type))
                build.store(build.zext(found, byte), self._address(root.slot + 1, j, byte))
            words = build.lshr(build.add(count, i64(_WORD - 1)), i64(3))
            with loop(self.ir, build, count, build.shl(words, i64(3))) as j:
                build.store(byte(0), self._address(root.slot + 1, j, byte))
            with loop(self.ir, build, i64(0), words) as w:
                flags = build.load(self._address(root.slot + 1, w, i64), typ=i64)
                with (
                    build.if_then(build.icmp_unsigned("!=", flags, i64(0)), likely=False),
                    loop(self.ir, build, i64(0), i64(_WORD)) as k,
                ):
                    j = build.add(build.shl(w, i64(3)), k)
                    flag = build.load(self._address(root.slot + 1, j, byte), typ=byte)
                    with build.if_then(build.icmp_unsigned("!=", flag, byte(0))):
                        digit = self._digit_of(self._values(build.add(start, j)), root, shift)
                        low = build.and_(digit, i64(DIGITS - 1))
                        add_to(self.build, self._address(root.slot, low, i64), i64(1))

    def _pattern(self, values: Values, root: Root) -> Any:
        node = root.nodes[0]
        return values.magnitude_bits(values.of(node), self.kernel.nodes[node].kind)

    def _digit_of(self, values: Values, root: Root, shift: Any) -> Any:
        bits = self._pattern(values, root)
        digit = self.build.lshr(bits, self._as(shift, bits.type))
        return digit if digit.type == self.i64 else self.build.zext(digit, self.i64)

    def _as(self, number: Any, type_: Any) -> Any:
        return number if number.type == type_ else self.build.trunc(number, type_)

    def _counter(self, root: Root) -> Any:
        """A counter as wide as an element, where it can be: LLVM takes its steps by the widest."""
        type_ = self.i64 if root.what == "count" else self.ir.IntType(32)
        counter = self.build.alloca(type_)
        self.build.store(type_(0), counter)
        return counter

    def _add_one(self, counter: Any, holds: Any) -> None:
        add_to(self.build, counter, self.build.zext(holds, counter.allocated_type))


_ELEMENTWISE = ("store", "array", "count", "odd")
_EXPONENT = {"bf16": 0x7F80, "f16": 0x7C00, F32: 0x7F800000, F64: 0x7FF << 52}
# The bits of the float32 numbers from which on what is stored is normal, and infinite (`overflow`).
_LIMITS = {
    "bf16": (0x007F8000, 0x7F7F8000),
    "f16": (0x387FE000, 0x477FF000),
    F32: (0x00800000, 0x7F800000),
}
_STORED_BITS = {"bf16": 16, "f16": 16, F32: 32, F64: 64}
