"""Record what a kernel computes by calling it with arrays that only remember.

Nothing here holds an element, so nothing in a kernel can depend on one: a Python `if`, a loop until
convergence, a length or an index is refused, and what is left is straight-line code.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NoReturn, final

from mergec.plugin.tape import APPROXIMATE, Arg, Kind, Operation, Ref, Tape, reachable

MOST_OPERATIONS = 10_000


class Refusal(Exception):
    """A kernel does what no kernel may: `code` and the parts of a diagnostic."""

    def __init__(self, message: str, help: str, code: str = "E607") -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help


def record(
    kernel: Callable[..., object],
    operands: int,
    settings: Mapping[str, object],
    *,
    approximate: bool,
) -> Tape:
    """The tape of `kernel(xp, *operands, **settings)`.

    Raises Refusal (E607 for what a kernel may not do, E819 for a result that is no array), and
    whatever the kernel raises itself.
    """
    recorder = _Recorder(operands, approximate)
    xp = Namespace(recorder)
    result = kernel(xp, *(recorder.value(i) for i in range(operands)), **settings)
    if not isinstance(result, Recorded):
        raise Refusal(
            f"returns {_described(result)}, not an array",
            "return an array computed from the operands",
            "E819",
        )
    index = recorder.ref(result).index
    kind = recorder.kind(index)
    if kind != "array":
        hint = "write `xp.where(mask, 1.0, 0.0)` for zeros and ones"
        if kind != "mask":
            hint = "return an array, such as an operand times this number"
        raise Refusal(f"returns a {_KINDS[kind]}, not an array", hint, "E819")
    return reachable(Tape(operands, tuple(recorder.operations), index))


_KINDS: Mapping[Kind, str] = {
    "array": "array",
    "mask": "mask",
    "number": "number of the whole tensor",
    "flag": "condition on the whole tensor",
}


class _Recorder:
    """The operations so far."""

    def __init__(self, inputs: int, approximate: bool) -> None:
        self.inputs = inputs
        self.approximate = approximate
        self.operations: list[Operation] = []
        self.known: dict[tuple[str, tuple[str, ...]], int] = {}

    def value(self, index: int) -> "Recorded":
        return Recorded(self, index)

    def kind(self, index: int) -> Kind:
        return "array" if index < self.inputs else self.operations[index - self.inputs].kind

    def level(self, arg: Arg) -> int:
        if not isinstance(arg, Ref) or arg.index < self.inputs:
            return 0
        return self.operations[arg.index - self.inputs].level

    def kinds(self, args: Sequence[Arg]) -> set[Kind]:
        return {self.kind(arg.index) if isinstance(arg, Ref) else "number" for arg in args}

    def ref(self, value: "Recorded") -> Ref:
        if value.recorder is not self:
            raise Refusal(
                "uses an array of another call",
                "compute from the operands of this call alone, and keep nothing between calls",
            )
        return Ref(value.index)

    def arg(self, value: object) -> Arg:
        """A value or a number; Refusal for anything else."""
        if isinstance(value, Recorded):
            return self.ref(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
            raise Refusal(
                f"computes with {_described(value)}",
                "use operands, parameters and numbers, and the functions of `xp`",
            )
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Refusal(f"computes with the number {number}", "use finite numbers")
        return number

    def add(self, name: str, args: Sequence[Arg], kind: Kind) -> "Recorded":
        """A new operation, or the one that was recorded for the same."""
        # By their text, because 0.0 == -0.0.
        same = (name, tuple(repr(arg) for arg in args))
        if same not in self.known:
            if len(self.operations) == MOST_OPERATIONS:
                raise Refusal(
                    f"takes more than {MOST_OPERATIONS:,} operations",
                    "write a kernel of fewer operations; a loop runs over operands, not elements",
                )
            level = max(map(self.level, args), default=0) + (name == "sum")
            self.operations.append(Operation(name, tuple(args), kind, level))
            self.known[same] = self.inputs + len(self.operations) - 1
        return self.value(self.known[same])

    def arithmetic(self, name: str, *values: object) -> "Recorded":
        args = [self.arg(value) for value in values]
        self.require_numbers(name, args)
        same = _nothing_done(name, args)
        if same is not None:
            return self.value(same.index)
        return self.add(name, args, "array" if "array" in self.kinds(args) else "number")

    def comparison(self, name: str, *values: object) -> "Recorded":
        args = [self.arg(value) for value in values]
        self.require_numbers(name, args)
        return self.add(name, args, "mask" if "array" in self.kinds(args) else "flag")

    def logic(self, name: str, *values: object) -> "Recorded":
        if not all(isinstance(value, Recorded) for value in values):
            raise Refusal(f"`{_SIGNS[name]}` needs masks", "compare first, as in `(x > 0)`")
        args = [self.arg(value) for value in values]
        kinds = self.kinds(args)
        if kinds not in ({"mask"}, {"flag"}):
            raise Refusal(f"`{_SIGNS[name]}` needs masks", "compare first, as in `(x > 0)`")
        return self.add(name, args, kinds.pop())

    def require_numbers(self, name: str, args: Sequence[Arg]) -> None:
        if self.kinds(args) & {"mask", "flag"}:
            raise Refusal(
                f"`{_SIGNS.get(name, name)}` is applied to a mask",
                "write `xp.where(mask, 1.0, 0.0)` for zeros and ones",
            )


def _nothing_done(name: str, args: Sequence[Arg]) -> Ref | None:
    """The operand that an operation leaves as it is: `sum(xs)` begins with `0 +`."""
    match name, [*args]:
        case ("add", [Ref() as x, 0.0] | [0.0, Ref() as x]) | ("subtract", [Ref() as x, 0.0]):
            return x
        case ("multiply", [Ref() as x, 1.0] | [1.0, Ref() as x]) | ("divide", [Ref() as x, 1.0]):
            return x
        case _:
            return None


_SIGNS: Mapping[str, str] = {
    **{"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "negative": "-"},
    **{"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="},
    **{"equal": "==", "not_equal": "!=", "and": "&", "or": "|", "xor": "^", "not": "~"},
}


@final
class Recorded:
    """An operand, or what was computed from some: knows arithmetic, comparisons and `& | ^ ~`."""

    __slots__ = ("index", "recorder")
    __array_ufunc__ = None  # so that a number of numpy leaves arithmetic to us
    __hash__ = None  # type: ignore[assignment]  # `==` gives a mask

    def __init__(self, recorder: _Recorder, index: int) -> None:
        self.recorder = recorder
        self.index = index

    def __add__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("add", self, other)

    def __radd__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("add", other, self)

    def __sub__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("subtract", self, other)

    def __rsub__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("subtract", other, self)

    def __mul__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("multiply", self, other)

    def __rmul__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("multiply", other, self)

    def __truediv__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("divide", self, other)

    def __rtruediv__(self, other: object) -> "Recorded":
        return self.recorder.arithmetic("divide", other, self)

    def __neg__(self) -> "Recorded":
        return self.recorder.arithmetic("negative", self)

    def __pos__(self) -> "Recorded":
        return self

    def __abs__(self) -> "Recorded":
        return self.recorder.arithmetic("abs", self)

    def __lt__(self, other: object) -> "Recorded":
        return self.recorder.comparison("less", self, other)

    def __le__(self, other: object) -> "Recorded":
        return self.recorder.comparison("less_equal", self, other)

    def __gt__(self, other: object) -> "Recorded":
        return self.recorder.comparison("greater", self, other)

    def __ge__(self, other: object) -> "Recorded":
        return self.recorder.comparison("greater_equal", self, other)

    def __eq__(self, other: object) -> "Recorded":  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # as arrays do
        return self.recorder.comparison("equal", self, other)

    def __ne__(self, other: object) -> "Recorded":  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # as arrays do
        return self.recorder.comparison("not_equal", self, other)

    def __and__(self, other: object) -> "Recorded":
        return self.recorder.logic("and", self, other)

    def __or__(self, other: object) -> "Recorded":
        return self.recorder.logic("or", self, other)

    def __xor__(self, other: object) -> "Recorded":
        return self.recorder.logic("xor", self, other)

    def __invert__(self) -> "Recorded":
        return self.recorder.logic("not", self)

    def __bool__(self) -> NoReturn:
        raise Refusal(
            "decides by the value of an array, and a kernel is straight-line code",
            "choose for each element with `xp.where(condition, this, that)`",
        )

    def __pow__(self, other: object) -> NoReturn:
        raise Refusal("uses `**`", "write products, or `xp.square(x)` and `xp.sqrt(x)`")

    def _refuse(self, *_: object) -> NoReturn:
        raise Refusal(
            "looks into an array",
            "a kernel gets a block of a tensor and computes all its elements alike; "
            "`xp.sum(x)` and `xp.mean(x)` are over the whole tensor",
        )

    __len__ = __iter__ = __getitem__ = __setitem__ = __contains__ = _refuse
    __float__ = __int__ = __index__ = __complex__ = _refuse
    __matmul__ = __rmatmul__ = __mod__ = __floordiv__ = __round__ = __array__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Refusal(
            f"asks an array for `.{name}`",
            f"the functions of interface 1 are {_listed()}",
        )


@final
class Namespace:
    """`xp`: the functions that a kernel may call, as `docs/your-own-operator.md` has them."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        hint = f"the functions of interface 1 are {_listed()}"
        raise Refusal(f"uses `xp.{name}`, which is not in interface 1", hint)

    def abs(self, x: Recorded) -> Recorded:
        """Magnitudes."""
        return self._apply("abs", x)

    def sign(self, x: Recorded) -> Recorded:
        """-1, 0 or 1."""
        return self._apply("sign", x)

    def sqrt(self, x: Recorded) -> Recorded:
        """Square roots, correctly rounded."""
        return self._apply("sqrt", x)

    def exp(self, x: Recorded) -> Recorded:
        """Exponentials, for a kernel that says `approximate=True`."""
        return self._apply("exp", x)

    def tanh(self, x: Recorded) -> Recorded:
        """Hyperbolic tangents, for a kernel that says `approximate=True`."""
        return self._apply("tanh", x)

    def square(self, x: Recorded) -> Recorded:
        """`x * x`."""
        return self._recorder.arithmetic("multiply", x, x)

    def maximum(self, x: Any, y: Any) -> Recorded:
        """The larger of two; of equals the first."""
        return self.where(self._recorder.comparison("greater_equal", x, y), x, y)

    def minimum(self, x: Any, y: Any) -> Recorded:
        """The lesser of two; of equals the first."""
        return self.where(self._recorder.comparison("less_equal", x, y), x, y)

    def where(self, condition: Any, x: Any, y: Any) -> Recorded:
        """`x` where `condition` holds, else `y`."""
        recorder = self._recorder
        chosen = recorder.arg(condition) if isinstance(condition, Recorded) else 0.0
        [kind] = recorder.kinds([chosen])
        if kind not in ("mask", "flag"):
            raise Refusal("`xp.where` needs a mask first", "compare first, as in `x > 0`")
        args = [recorder.arg(x), recorder.arg(y)]
        recorder.require_numbers("where", args)
        blocks = kind == "mask" or "array" in recorder.kinds(args)
        return recorder.add("where", [chosen, *args], "array" if blocks else "number")

    def sum(self, x: Recorded) -> Recorded:
        """The sum over the whole tensor, in float64: a number."""
        recorder = self._recorder
        arg = recorder.arg(x)
        if recorder.kinds([arg]) != {"array"}:
            raise Refusal("`xp.sum` needs an array", "for a count write `xp.where(mask, 1.0, 0.0)`")
        return recorder.add("sum", [arg], "number")

    def mean(self, x: Recorded) -> Recorded:
        """The sum over the whole tensor, divided by the number of its elements."""
        return self.sum(x) / self._recorder.add("size", [], "number")

    def _apply(self, name: str, x: Any) -> Recorded:
        if name in APPROXIMATE and not self._recorder.approximate:
            raise Refusal(
                f"uses `xp.{name}`, whose last bits differ between libraries",
                "say so with `approximate=True` in `@operator(...)`",
            )
        if not isinstance(x, Recorded):
            raise Refusal(f"gives `xp.{name}` {_described(x)}", "give it an array")
        return self._recorder.arithmetic(name, x)


def _listed() -> str:
    names = ("abs", "exp", "maximum", "mean", "minimum", "sign", "sqrt", "square", "sum", "tanh")
    return ", ".join(f"`xp.{name}`" for name in (*names, "where"))


def _described(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float | Fraction):
        return f"the number `{value}`"
    return f"a value of type `{type(value).__name__}`"
