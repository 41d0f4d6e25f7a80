"""A kernel as a graph of tensor operations, one for each of its nodes.

Numbers are elements of tables on the device: so they are arguments, and a division by one is a
division. Only operations that round once are used, as in `torch_namespace`.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, final

from mergec.backends.lazy.array import F32, F64, I32, I64
from mergec.backends.lazy.kernel import DIGITS, Kernel, Node, Operand, Root
from mergec.backends.overflow import NORMAL_FROM, OVERFLOW_FROM
from mergec.backends.torch_fused.arrays import TorchArrays
from mergec.catalog.dtypes import Dtype
from mergec.ops.threefry import PARITY, ROTATIONS

Value = Any
"""A node of the graph."""
_OPERATOR: Any = operator  # its functions are given names here, and no types


def replay(kernel: Kernel, arrays: TorchArrays, sqrt: Callable[[Any], Any]) -> Any:
    """A module whose `forward` takes n, three tables of numbers, then the tensors in node order.

    It returns a tuple for each root: `store` gives the elements as stored, how many are lost and
    how many are too small, `sums` the elements to be summed, and all others one tensor.
    """
    graph: Any = arrays.torch.fx.Graph()
    made = _Replay(graph, kernel, arrays, sqrt)
    values: list[Value] = []
    for node in kernel.nodes:
        values.append(made.value(node, values))
    graph.output(tuple(made.root(root, values) for root in kernel.roots))
    return arrays.torch.fx.GraphModule({}, graph)


@final
class _Replay:
    """Adds operations to a graph."""

    def __init__(
        self, graph: Any, kernel: Kernel, arrays: TorchArrays, sqrt: Callable[[Any], Any]
    ) -> None:
        self._graph = graph
        self._arrays = arrays
        self._torch = arrays.torch
        self._sqrt = sqrt
        self._n = graph.placeholder("n")
        self._tables = {table: graph.placeholder(table) for table in (F32, F64, I64)}
        slots = [node.slot for node in kernel.nodes if node.slot >= 0]
        self._inputs = {slot: graph.placeholder(f"in{slot}") for slot in slots}
        self._kernel = kernel
        self._numbers: dict[Operand, Value] = {}

    def value(self, node: Node, values: Sequence[Value]) -> Value:
        """What `node` computes from the values before."""
        args = [self._operand(arg, values) for arg in node.args]
        dtype = self._arrays.dtypes[node.kind]
        if node.op == "stored":
            return self._to(self._inputs[node.slot], dtype)
        if node.op == "array":
            return self._inputs[node.slot]
        if node.op == "take":
            places = self._to(args[0], self._torch.int64)
            return self._call(_OPERATOR.getitem, self._inputs[node.slot], places)
        if node.op == "iota":
            device = self._arrays.device
            return self._call(self._torch.arange, self._n, dtype=dtype, device=device)
        if node.op == "convert":
            return self._to(args[0], dtype)
        if node.op == "sign":
            above, below = self._call(_OPERATOR.gt, *args, 0), self._call(_OPERATOR.lt, *args, 0)
            return self._call(_OPERATOR.sub, self._to(above, dtype), self._to(below, dtype))
        if node.op == "magnitude_bits":
            return self._magnitude_bits(args[0], dtype)
        if node.op == "rotate_left":
            return self._rotated(args[0], node.by)
        if node.op == "threefry":
            return self._encrypted(*args)
        if node.op == "word":
            return args[0][node.by]
        return self._call(self._function(node.op), *args)

    def root(self, root: Root, values: Sequence[Value]) -> tuple[Value, ...]:
        """What becomes of values."""
        torch, first = self._torch, values[root.nodes[0]]
        if root.what == "store":
            return self._stored(first, Dtype(root.of.upper()))
        if root.what in ("array", "sums"):
            return (first,)
        if root.what == "count":
            return (self._count(first),)
        if root.what == "odd":
            return (self._count(self._not_below(self._call(torch.abs, first), float("inf"))),)
        if root.what == "interleave":
            pairs = self._call(torch.stack, [values[node] for node in root.nodes], 1)
            return (self._method("reshape", pairs, -1),)
        kind = self._kernel.nodes[root.nodes[0]].kind
        word = self._arrays.dtypes[I32 if kind == F32 else I64]
        return (self._histogram(root, self._magnitude_bits(first, word)),)

    def _stored(self, value: Value, dtype: Dtype) -> tuple[Value, Value, Value]:
        something = self._call(_OPERATOR.ne, value, 0)
        # Lost is told before the last rounding, so that nothing is read back from a narrow dtype.
        if dtype is not Dtype.F64:
            value = self._to(value, self._torch.float32)
        magnitude = self._call(self._torch.abs, value)
        lost = self._count(self._not_below(magnitude, OVERFLOW_FROM.get(dtype, float("inf"))))
        small = self._call(_OPERATOR.lt, magnitude, NORMAL_FROM[dtype])
        faint = self._count(self._call(self._torch.logical_and, something, small))
        return self._to(value, self._arrays.stored[dtype]), lost, faint

    def _histogram(self, root: Root, bits: Value) -> Value:
        # By addition of whole numbers at places: `bincount` waits for the largest of them.
        torch, device = self._torch, self._arrays.device
        shift, *prefix = (self._operand(number, ()) for number in root.at)
        digits = self._call(_OPERATOR.and_, self._call(_OPERATOR.rshift, bits, shift), DIGITS - 1)
        places = self._to(digits, torch.int64)
        weights = self._call(torch.ones_like, places)
        if prefix:
            above = self._call(_OPERATOR.rshift, bits, self._call(_OPERATOR.add, shift, 16))
            weights = self._to(self._call(_OPERATOR.eq, above, prefix[0]), torch.int64)
        none = self._call(torch.zeros, DIGITS, dtype=torch.int64, device=device)
        return self._method("scatter_add", none, 0, places, weights)

    def _magnitude_bits(self, value: Value, word: Any) -> Value:
        pattern = self._method("view", value, word)
        return self._call(_OPERATOR.and_, pattern, self._torch.iinfo(word).max)

    def _rotated(self, value: Value, by: int) -> Value:
        # The right shift is arithmetic, so the copies of the sign bit are masked away.
        right = self._call(_OPERATOR.rshift, value, 32 - by)
        low = self._call(_OPERATOR.and_, right, (1 << by) - 1)
        return self._call(_OPERATOR.or_, self._call(_OPERATOR.lshift, value, by), low)

    def _encrypted(self, left: Value, right: Value, *key: Value) -> tuple[Value, Value]:
        """As `mergec.ops.threefry.encrypt` has it."""
        add, xor = self._function("add"), self._function("xor")
        first, second = (self._to(word, self._torch.int32) for word in key)
        schedule = (first, second, self._call(xor, self._call(xor, first, second), PARITY))
        left, right = self._call(add, left, first), self._call(add, right, second)
        for group in range(5):
            for by in ROTATIONS[group % 2]:
                left = self._call(add, left, right)
                right = self._call(xor, self._rotated(right, by), left)
            left = self._call(add, left, schedule[(group + 1) % 3])
            added = self._call(add, schedule[(group + 2) % 3], group + 1)
            right = self._call(add, right, added)
        return left, right

    def _not_below(self, magnitude: Value, limit: float) -> Value:
        """Where a magnitude is `limit` or more, or NaN."""
        below = self._call(_OPERATOR.lt, magnitude, limit)
        return self._call(self._torch.logical_not, below)

    def _count(self, mask: Value) -> Value:
        return self._method("sum", mask)

    def _function(self, op: str) -> Callable[..., Any]:
        if op == "sqrt":
            return self._sqrt
        library = self._torch if op in ("where", "abs") else _OPERATOR
        function: Callable[..., Any] = getattr(library, op)
        return function

    def _operand(self, arg: Operand, values: Sequence[Value]) -> Value:
        if isinstance(arg, int):
            return values[arg]
        if arg not in self._numbers:
            table, place = arg
            self._numbers[arg] = self._call(_OPERATOR.getitem, self._tables[table], place)
        return self._numbers[arg]

    def _to(self, value: Value, dtype: Any) -> Value:
        return self._method("to", value, dtype)

    def _call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Value:
        return self._graph.call_function(function, args, options)

    def _method(self, name: str, *args: Any) -> Value:
        return self._graph.call_method(name, args)
