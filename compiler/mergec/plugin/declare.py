"""What a plugin file says of an operator: `@operator(...)` above its kernel."""

import inspect
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, TypeVar, cast

from mergec.frozen import frozen
from mergec.ir import Value
from mergec.ops.declaration import REQUIRED, MassRule, Parameter
from mergec.ops.law import Law
from mergec.plugin.record import Refusal

INTERFACE = 1
"""The version of the plugin interface that this mergec speaks."""

Takes = Literal["models", "delta", "base and deltas"]
Kind = Literal["number", "int", "bool", "word"]

_MASSES = {
    "models": MassRule.SAME,
    "delta": MassRule.DELTA,
    "base and deltas": MassRule.CONSENSUS,
}
_KINDS = ("number", "int", "bool", "word")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
# What the compiler adds to the parameters of nodes and stages.
_OURS = {"barrier", "first", "label", "member", "operands", "origin", "part", "role", "scope"}
_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_Kernel = TypeVar("_Kernel", bound=Callable[..., object])


@frozen
class Declared:
    """An operator as its file declares it, checked as far as the declaration alone goes."""

    name: str
    revision: int
    interface: int
    takes: Takes
    operands: tuple[int, int | None]
    parameters: tuple[Parameter, ...]
    laws: tuple[Law, ...]
    order_free: bool
    approximate: bool
    kernel: Callable[..., object]

    @property
    def mass(self) -> MassRule:
        """What operands it takes, in the words of built-in operators."""
        return _MASSES[self.takes]


def operator(
    *,
    name: str,
    revision: int,
    interface: int,
    takes: Takes,
    operands: tuple[int, int | None],
    parameters: Sequence[Parameter] = (),
    laws: Sequence[Law] = (),
    order_free: bool = False,
    approximate: bool = False,
) -> Callable[[_Kernel], _Kernel]:
    """Declare the function below to be the kernel of an operator that specs can call.

    `takes` says what the operands are: `models` (models, or deltas, and the result is as they
    are), `delta` (one delta), or `base and deltas` (the kernel gets the deltas and returns a delta;
    mergec subtracts the base and adds it again). `operands` are the fewest and the most operands,
    the base not counted; None for any number. `revision` goes up whenever results change.
    `interface` is the version of this interface that the file is written for. The docstring is the
    operator's page. An `order_free` operator gets its operands in one order, however a spec has
    them. `approximate` allows functions whose last bits differ between libraries.
    """

    def declare(kernel: _Kernel) -> _Kernel:
        declared = Declared(
            name,
            revision,
            interface,
            takes,
            tuple(operands),  # type: ignore[arg-type]  # checked below
            tuple(parameters),
            tuple(laws),
            order_free,
            approximate,
            kernel,
        )
        _check(declared)
        # The loader finds it there.
        kernel.__mergec_operator__ = declared  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
        return kernel

    return declare


def parameter(
    name: str,
    doc: str,
    *,
    default: object = REQUIRED,
    kind: Kind = "number",
    lo: float | Fraction | None = None,
    hi: float | Fraction | None = None,
    lo_open: bool = False,
    per_operand: bool = False,
    words: Sequence[str] = (),
) -> Parameter:
    """A keyword parameter of an operator; without a `default` every call must give it.

    A `number` lies between `lo` and `hi` (`lo_open`: above `lo`) and reaches the kernel as a float;
    a float given here stands for the decimal it is written as. With `per_operand` a spec may give a
    list, and the kernel always gets a tuple with one value for each operand.
    """
    if kind not in _KINDS:
        raise _refused(f"the parameter `{name}` is of no kind `{kind}`", f"choose among {_KINDS}")
    bounds = (_exact(lo), _exact(hi))
    if kind == "word" and not words:
        raise _refused(f"the parameter `{name}` has no words", 'add `words=("one", "other")`')
    if default is REQUIRED:
        value: Any = REQUIRED
    elif kind == "number":
        value = _exact(default)
    else:
        value = default
        wanted = {"int": int, "bool": bool, "word": str}[kind]
        if type(value) is not wanted:
            raise _refused(f"the default of `{name}` is no {kind}", f"give one, not {value!r}")
    found = Parameter(
        name,
        kind,
        value,
        doc,
        lo=bounds[0],
        hi=bounds[1],
        lo_open=lo_open,
        per_operand=per_operand,
        words=tuple(words),
    )
    if value is not REQUIRED and not _allowed(found, value):
        raise _refused(
            f"the default of `{name}` is not a value that it takes",
            "give a default within `lo`, `hi` and `words`",
        )
    return found


def law(
    name: str,
    params: Mapping[str, object] | None = None,
    *,
    tolerance: float = 0.0,
    holds: bool = True,
) -> Law:
    """A claim that `mergec laws` tests: one of those that `mergec laws --list` says in words.

    It is made at these `params`; required ones that are left open are drawn. A float stands for
    the decimal it is written as. `tolerance` and `holds` are as in `mergec.ops.Law`.
    """
    given = {key: _law_value(value) for key, value in (params or {}).items()}
    return Law(name, given, tolerance, holds)


def declared_in(namespace: dict[str, object]) -> list[Declared]:
    """The operators among the things of a module, in their order."""
    found = (getattr(thing, "__mergec_operator__", None) for thing in namespace.values())
    return list({each.name: each for each in found if isinstance(each, Declared)}.values())


def _check(declared: Declared) -> None:
    name, (low, high) = declared.name, declared.operands
    if declared.interface != INTERFACE:
        raise _refused(
            f"`{name}` is written for interface {declared.interface!r} of plugins, and this "
            f"mergec speaks interface {INTERFACE}",
            f"write it for `interface={INTERFACE}`, or use the mergec that it was written for",
        )
    if _NAME.fullmatch(name) is None or keyword.iskeyword(name):
        raise _refused(
            f"`{name}` is no name for an operator", "use small letters, digits and `_`, as in `mix`"
        )
    if type(declared.revision) is not int or declared.revision < 1:
        raise _refused(f"`{name}` has no revision", "count them, from `revision=1`")
    if declared.takes not in _MASSES:
        raise _refused(
            f"`{name}` takes {declared.takes!r}, which is no kind of operands",
            f"choose among {', '.join(map(repr, _MASSES))}",
        )
    if type(low) is not int or low < 1 or not (high is None or (type(high) is int and high >= low)):
        raise _refused(
            f"`{name}` has no range of operands", "as in `operands=(1, 1)` or `operands=(2, None)`"
        )
    if declared.takes == "delta" and declared.operands != (1, 1):
        raise _refused(f"`{name}` takes a delta, and more than one", "write `operands=(1, 1)`")
    names = [each.name for each in declared.parameters]
    taken = {*names} & _OURS
    if len(set(names)) < len(names) or taken or not all(map(str.isidentifier, names)):
        raise _refused(
            f"the parameters of `{name}` are not named apart",
            f"give each a name of its own, and none of {', '.join(sorted(_OURS))}",
        )
    if not all(isinstance(each, Law) for each in declared.laws):  # pyright: ignore[reportUnnecessaryIsInstance]  # an author may write anything
        raise _refused(
            f"the laws of `{name}` are not laws", 'write `law("name")` or `equation("...", "...")`'
        )
    if not inspect.getdoc(declared.kernel):
        raise _refused(
            f"`{name}` has no page",
            "say in the docstring of its function what it computes, in one line and a formula",
        )
    _check_signature(declared, names)


def _check_signature(declared: Declared, names: Sequence[str]) -> None:
    """The kernel is called as `kernel(xp, x1, x2, ..., name=value, ...)`."""
    taken = [*inspect.signature(declared.kernel).parameters.values()]
    places = [each for each in taken if each.kind in _PLACES]
    rest = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in taken)
    words = [each.name for each in taken if each.kind is inspect.Parameter.KEYWORD_ONLY]
    low, high = declared.operands
    fits = len(places) - 1 <= low if rest else low == high == len(places) - 1
    if not places or not fits or len(taken) > len(places) + rest + len(words):
        operands = "*xs" if low != high else ", ".join(f"x{i + 1}" for i in range(low))
        raise _refused(
            f"the function of `{declared.name}` does not take `xp` and its operands",
            f"write `def {declared.name}(xp, {', '.join([operands, *_marked(declared, names)])})`",
        )
    if sorted(words) != sorted(names):
        odd = sorted({*words} ^ {*names})[0]
        said = "is not declared" if odd in words else "is not taken by its function"
        hint = f'add `parameter("{odd}", "what it is")` to `parameters`'
        if odd in names:
            hint = f"let the function take it behind a star: `*, {odd}`"
        raise _refused(f"the parameter `{odd}` of `{declared.name}` {said}", hint)


def _marked(declared: Declared, names: Sequence[str]) -> list[str]:
    """Parameters as a signature names them."""
    star = ["*"] if names and declared.operands[0] == declared.operands[1] else []
    return [*star, *names]


def _law_value(value: object) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_law_value(item) for item in cast("Sequence[object]", value))
    if isinstance(value, bool | int | str):
        return value
    return _exact(value)


def _exact(value: object) -> Fraction | None:
    """A number as it is written: 0.1 is a tenth."""
    if value is None or isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(f"{value!r} is not a number", "give a number, such as `0.5`")
    try:
        return Fraction(repr(value))
    except ValueError:
        raise _refused(f"{value!r} is not a number", "give a finite number") from None


def _allowed(parameter: Parameter, value: Value) -> bool:
    if parameter.words:
        return value in parameter.words
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        return True
    low, high = parameter.lo, parameter.hi
    if low is not None and (value < low or (parameter.lo_open and value == low)):
        return False
    return high is None or value <= high


def _refused(message: str, help: str) -> Refusal:
    return Refusal(message, help)
