"""LLVM instructions for one element: what every operation of an expression means."""

from collections.abc import Callable, Sequence
from typing import Any

from mergec.backends.lazy.array import BOOL, F32, F64, I32, I64
from mergec.backends.lazy.kernel import Node, Operand
from mergec.ops.threefry import PARITY, ROTATIONS

_FLOATS = (F32, F64)
_BITS = {F32: 32, F64: 64, I32: 32, I64: 64, BOOL: 1}
_COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_WIDTH = (BOOL, I32, I64, F32, F64)


class Values:
    """The values of a kernel's nodes at one element, as instructions of `builder`.

    `pointer` and `number` give a buffer's address and a number that is an argument.
    """

    def __init__(
        self,
        ir: Any,
        builder: Any,
        nodes: Sequence[Node],
        index: Any,
        pointer: Callable[[int], Any],
        number: Callable[[Operand, str], Any],
    ) -> None:
        self.ir = ir
        self.builder = builder
        self.nodes = nodes
        self.index = index
        self.pointer = pointer
        self.number = number
        self.known: dict[int, Any] = {}

    def of(self, place: int) -> Any:
        """The value of a node; operands are computed before, each once."""
        wanted = {place}
        for i in range(place, -1, -1):
            if i in wanted and i not in self.known:
                wanted.update(arg for arg in self.nodes[i].args if isinstance(arg, int))
        for i in sorted(wanted - self.known.keys()):
            self.known[i] = self._value(self.nodes[i])
        return self.known[place]

    def type(self, kind: str) -> Any:
        """LLVM's type of a kind."""
        if kind in _FLOATS:
            return self.ir.FloatType() if kind == F32 else self.ir.DoubleType()
        return self.ir.IntType(_BITS[kind])

    def load(self, slot: int, element: Any) -> Any:
        """The element of a buffer, as it lies there."""
        address = self.builder.gep(self.pointer(slot), [self.index], source_etype=element)
        return self.builder.load(address, typ=element)

    def converted(self, value: Any, kind: str, to: str) -> Any:
        """`value` as another kind; rounds to nearest even where it must round."""
        build, target = self.builder, self.type(to)
        if kind == to:
            return value
        if kind in _FLOATS:
            return build.fpext(value, target) if to == F64 else build.fptrunc(value, target)
        if to in _FLOATS:
            return (build.uitofp if kind == BOOL else build.sitofp)(value, target)
        return (build.zext if kind == BOOL else build.sext)(value, target)

    def magnitude_bits(self, value: Any, kind: str) -> Any:
        """The pattern without the sign."""
        word = self.ir.IntType(_BITS[kind])
        return self.builder.and_(
            self.builder.bitcast(value, word), word((1 << (_BITS[kind] - 1)) - 1)
        )

    def _value(self, node: Node) -> Any:
        make: Callable[[Node], Any] | None = getattr(self, f"_{node.op}", None)
        if make is not None:
            return make(node)
        if node.op in _COMPARED:
            return self._compared(node)
        left, right = (self._operand(arg, node.kind) for arg in node.args)
        if node.kind in _FLOATS:
            return getattr(self.builder, _FLOAT_OPERATIONS[node.op])(left, right)
        return getattr(self.builder, _INTEGER_OPERATIONS[node.op])(left, right)

    def _operand(self, arg: Operand, kind: str) -> Any:
        if isinstance(arg, int):
            return self.converted(self.known[arg], self.nodes[arg].kind, kind)
        return self.number(arg, kind)

    def _compared(self, node: Node) -> Any:
        kinds = [self.nodes[arg].kind for arg in node.args if isinstance(arg, int)]
        kind = max(kinds, key=_WIDTH.index)
        kind = I32 if kind == BOOL else kind
        left, right = (self._operand(arg, kind) for arg in node.args)
        sign = _COMPARED[node.op]
        if kind not in _FLOATS:
            return self.builder.icmp_signed(sign, left, right)
        unordered = node.op == "ne"  # NaN is unlike everything, itself included
        compare = self.builder.fcmp_unordered if unordered else self.builder.fcmp_ordered
        return compare(sign, left, right)

    def _stored(self, node: Node) -> Any:
        build = self.builder
        if node.of == "bf16":
            word = build.zext(self.load(node.slot, self.ir.IntType(16)), self.ir.IntType(32))
            narrow = build.bitcast(build.shl(word, word.type(16)), self.ir.FloatType())
            return self.converted(narrow, F32, node.kind)
        if node.of == "f16":
            return build.fpext(self.load(node.slot, self.ir.HalfType()), self.type(node.kind))
        return self.converted(self.load(node.slot, self.type(node.of)), node.of, node.kind)

    def _array(self, node: Node) -> Any:
        if node.kind != BOOL:
            return self.load(node.slot, self.type(node.kind))
        byte = self.load(node.slot, self.ir.IntType(8))
        return self.builder.icmp_unsigned("!=", byte, byte.type(0))

    def _take(self, node: Node) -> Any:
        place = self._operand(node.args[0], I64)
        element = self.ir.IntType(8) if node.kind == BOOL else self.type(node.kind)
        address = self.builder.gep(self.pointer(node.slot), [place], source_etype=element)
        value = self.builder.load(address, typ=element)
        return self.builder.icmp_unsigned("!=", value, element(0)) if node.kind == BOOL else value

    def _iota(self, node: Node) -> Any:
        return self.builder.trunc(self.index, self.ir.IntType(32))

    def _where(self, node: Node) -> Any:
        mask, *chosen = node.args
        return self.builder.select(
            self._operand(mask, BOOL), *(self._operand(arg, node.kind) for arg in chosen)
        )

    def _abs(self, node: Node) -> Any:
        bits = self.magnitude_bits(self._operand(node.args[0], node.kind), node.kind)
        return self.builder.bitcast(bits, self.type(node.kind))

    def _sign(self, node: Node) -> Any:
        (arg,) = node.args
        assert isinstance(arg, int)
        value, kind = self.known[arg], self.nodes[arg].kind
        zero = value.type(0)
        compare = self.builder.fcmp_ordered if kind in _FLOATS else self.builder.icmp_signed
        above, below = (
            self.converted(compare(side, value, zero), BOOL, node.kind) for side in "><"
        )
        subtract = self.builder.fsub if node.kind in _FLOATS else self.builder.sub
        return subtract(above, below)

    def _neg(self, node: Node) -> Any:
        value = self._operand(node.args[0], node.kind)
        return self.builder.fneg(value) if node.kind in _FLOATS else self.builder.neg(value)

    def _invert(self, node: Node) -> Any:
        return self.builder.not_(self._operand(node.args[0], node.kind))

    def _convert(self, node: Node) -> Any:
        return self._operand(node.args[0], node.kind)

    def _magnitude_bits(self, node: Node) -> Any:
        (arg,) = node.args
        assert isinstance(arg, int)
        return self.magnitude_bits(self.known[arg], self.nodes[arg].kind)

    def _sqrt(self, node: Node) -> Any:
        value = self._operand(node.args[0], node.kind)
        return self.builder.call(self._intrinsic("llvm.sqrt", [value.type]), [value])

    def _rotate_left(self, node: Node) -> Any:
        return self._rotated(self._operand(node.args[0], I32), node.by)

    def _word(self, node: Node) -> Any:
        (both,) = node.args
        assert isinstance(both, int)
        return self.known[both][node.by]

    def _threefry(self, node: Node) -> tuple[Any, Any]:
        """As `mergec.ops.threefry.encrypt` has it."""
        build, word = self.builder, self.ir.IntType(32)
        left, right, first, second = (self._operand(arg, I32) for arg in node.args)
        third = build.xor(build.xor(first, second), word(PARITY))
        schedule = (first, second, third)
        left, right = build.add(left, first), build.add(right, second)
        for group in range(5):
            for by in ROTATIONS[group % 2]:
                left = build.add(left, right)
                right = build.xor(self._rotated(right, by), left)
            left = build.add(left, schedule[(group + 1) % 3])
            added = build.add(schedule[(group + 2) % 3], word(group + 1))
            right = build.add(right, added)
        return left, right

    def _rotated(self, word: Any, by: int) -> Any:
        turn = self._intrinsic("llvm.fshl", [word.type], [word.type] * 3)
        return self.builder.call(turn, [word, word, word.type(by)])

    def _intrinsic(self, name: str, types: Sequence[Any], operands: Sequence[Any] = ()) -> Any:
        kind = self.ir.FunctionType(types[0], operands) if operands else None
        return self.builder.module.declare_intrinsic(name, types, kind)


_FLOAT_OPERATIONS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
_INTEGER_OPERATIONS = {
    **{"add": "add", "sub": "sub", "mul": "mul"},
    **{"and_": "and_", "or_": "or_", "xor": "xor"},
}
