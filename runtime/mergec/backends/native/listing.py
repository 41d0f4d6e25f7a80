"""Kernels as text for a reader: one line for each value, then what becomes of it."""

from collections.abc import Sequence

from mergec.backends.lazy.kernel import CONSTANT_LAST, Kernel, Node, Operand, Root

_SIGNS = {
    **{"add": "+", "sub": "-", "mul": "*", "truediv": "/", "and_": "&", "or_": "|", "xor": "^"},
    **{"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="},
}
_PREFIXES = {"neg": "-", "invert": "~"}
_MADE = {
    "array": "{0}",
    "count": "count of {0}",
    "odd": "count of {0} if it is NaN or infinite",
    "interleave": "{0}, {1} in turn",
    "sums": "sums of leaves of {0}",
    "top": "histogram of the top digit of {0}",
    "digit": "histogram of a digit of {0} where its higher digits are {1}",
}


def listing(kernel: Kernel) -> str:
    """The loop of a kernel. `in` and `out` are buffers, `c` are numbers that a call brings.

    >>> v = Node("stored", "f32", (), 0, "bf16"), Node("mul", "f32", (0, ("f32", 0)))
    >>> print(listing(Kernel(v, (Root("store", (1,), 1, "bf16"),), 2)))
    for each i:
      v0: f32 = bf16 in0[i]
      v1: f32 = v0 * c0
      out1[i] = bf16 v1, counting those that are not finite, and not normal
    """
    names: dict[tuple[str, int], str] = {}
    lines = ["for each i:"]
    lines += [f"  v{i}: {node.kind} = {_value(node, names)}" for i, node in enumerate(kernel.nodes)]
    return "\n".join([*lines, *(f"  {_made(root, names)}" for root in kernel.roots)])


def _value(node: Node, names: dict[tuple[str, int], str]) -> str:
    args = [_operand(arg, names) for arg in node.args]
    if node.op in ("stored", "array"):
        return f"{node.of} in{node.slot}[i]" if node.of else f"in{node.slot}[i]"
    if node.op == "take":
        return f"in{node.slot}[{args[0]}]"
    if node.op == "iota":
        return "i"
    if node.op in _SIGNS:
        return f"{args[0]} {_SIGNS[node.op]} {args[1]}"
    if node.op in _PREFIXES:
        return f"{_PREFIXES[node.op]}{args[0]}"
    if node.op == "where":
        return f"{args[1]} if {args[0]} else {args[2]}"
    if node.op == "convert":
        return f"{node.kind} {args[0]}"
    return f"{node.op}({', '.join([*args, *([str(node.by)] if node.op in CONSTANT_LAST else [])])})"


def _made(root: Root, names: dict[tuple[str, int], str]) -> str:
    values: Sequence[str] = [f"v{node}" for node in root.nodes]
    if root.what == "store":
        counted = "counting those that are not finite, and not normal"
        return f"out{root.slot}[i] = {root.of} {values[0]}, {counted}"
    numbers = [_operand(number, names) for number in root.at]
    place = f"out{root.slot}[i]" if root.what == "array" else f"out{root.slot}"
    return f"{place} = {_MADE[root.what].format(*values, *numbers[1:])}"


def _operand(arg: Operand, names: dict[tuple[str, int], str]) -> str:
    return f"v{arg}" if isinstance(arg, int) else names.setdefault(arg, f"c{len(names)}")
