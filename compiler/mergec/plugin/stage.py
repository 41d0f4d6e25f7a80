"""The stage that runs a plugin's tape, in as many passes as its sums need."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import final

from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.diagnostics import MergecError, escape, fail
from mergec.frozen import frozen
from mergec.ir import Value, print_value
from mergec.ops.declaration import Parameter
from mergec.ops.namespace import Array, ArrayNamespace, untrapped
from mergec.ops.params import integer
from mergec.ops.rounding import coefficient, significant_bits
from mergec.ops.stage import Cursor, Params, Site, StatisticStage
from mergec.ops.tree_sum import combine_leaves, finite
from mergec.plugin.declare import Declared
from mergec.plugin.record import Refusal, record
from mergec.plugin.replay import Numbers, on_blocks, on_host
from mergec.plugin.tape import Operation, Ref, Tape

COUNT = "operands"
"""The stage's parameter that counts its operands, of which the number of passes may depend."""

_Given = tuple[tuple[str, Value], ...]
_Leaves = list[list[float]]


@frozen
class Progress:
    """A tape, and what is known of the tensor before pass `sweep`."""

    tape: Tape
    site: Site
    sweep: int
    numbers: Numbers


@final
class PluginStage(StatisticStage):
    """A plugin's operator as a stage. `origin` is what messages call its file or distribution.

    The kernel is recorded for each set of parameters and number of operands, never run on weights.
    """

    def __init__(self, declared: Declared, origin: str) -> None:
        self.declared = declared
        self.origin = origin
        self.name = declared.name  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride]  # one class, many stages
        self.revision = declared.revision  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride]
        self.approximate = declared.approximate  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride]
        self._recorded: Callable[[_Given, int, Dtype], Tape] = lru_cache(1024)(self._record)

    def tape(self, params: Params, operands: int, work: Dtype, tensor: str = "") -> Tape:
        """What is computed with these parameters. Raises E607, E818 or E819, naming the plugin."""
        names = {parameter.name for parameter in self.declared.parameters}
        given = tuple(sorted((k, v) for k, v in params.items() if k in names))
        try:
            return self._recorded(given, operands, work)
        except Refusal as refusal:
            raise self._refused(refusal, given, operands, tensor) from None
        except MergecError:
            raise
        except Exception as error:
            raise self._failed(error, given, operands, tensor) from None

    def sweeps(self, params: Params, work: Dtype) -> int:
        """As many as there are sums in a row. `COUNT` is put there by the operator's lowering."""
        return self.tape(params, integer(params, COUNT), work).sweeps

    def contractible(self, params: Params, stored: Sequence[Dtype | None], work: Dtype) -> bool:
        """If any product of blocks must round."""
        tape = self.tape(params, len(stored), work)
        products = [each for each in tape.operations if each.name == "multiply"]
        return any(_rounds(each, tape, stored, work) for each in products)

    def temporaries(self, operands: int) -> int:
        """What the tape holds at once, and what selecting takes."""
        try:
            tape = self.tape(sample(self.declared.parameters), operands, Dtype.F64)
        except MergecError:
            return 32
        return tape.held() + 8

    def prepare(self, params: Params, site: Site) -> Progress:
        """The tape for this tensor's parameters and work dtype."""
        tape = self.tape(params, len(site.stored), site.work, site.tensor)
        return Progress(tape, site, 0, on_host(tape, {}, site.numel, 0))

    @untrapped
    def observe(
        self, xp: ArrayNamespace, acc: _Leaves | None, blocks: Sequence[Array], setting: Progress
    ) -> _Leaves:
        """Leaf sums of this pass's sums; what they sum is computed in float64."""
        tape = setting.tape
        sums = tape.sums(setting.sweep)
        summed = [_operation(tape, i).refs[0] for i in sums]
        wide = [xp.widen(block) for block in blocks]
        found = on_blocks(xp, tape, wide, setting.numbers, Dtype.F64, summed)
        leaves: _Leaves = acc if acc is not None else [[] for _ in sums]
        for known, array in zip(leaves, found, strict=True):
            known.extend(xp.leaf_sums(array))
        return leaves

    def combine(self, acc: _Leaves | None, setting: Progress) -> Progress:
        """The sums, and the numbers that follow from them."""
        tape, site, sweep = setting.tape, setting.site, setting.sweep + 1
        sums = tape.sums(setting.sweep)
        what = f"a sum over `{site.tensor}`"
        known = {
            i: finite(combine_leaves(leaves), what)
            for i, leaves in zip(sums, acc or [[] for _ in sums], strict=True)
        }
        numbers = on_host(tape, {**setting.numbers, **known}, site.numel, sweep)
        return replace(setting, sweep=sweep, numbers=numbers)

    @untrapped
    def apply(
        self, xp: ArrayNamespace, blocks: Sequence[Array], setting: Progress, cursor: Cursor
    ) -> Array:
        """The tape's result."""
        site, tape = setting.site, setting.tape
        [result] = on_blocks(xp, tape, blocks, setting.numbers, site.work, [tape.result])
        return result

    def _record(self, given: _Given, operands: int, work: Dtype) -> Tape:
        settings = {
            parameter.name: _setting(parameter, dict(given)[parameter.name], operands, work)
            for parameter in self.declared.parameters
        }
        kernel, approximate = self.declared.kernel, self.declared.approximate
        first = record(kernel, operands, settings, approximate=approximate)
        if record(kernel, operands, settings, approximate=approximate) != first:
            raise Refusal(
                "computes something else each time it is called",
                "let it depend on its operands and parameters alone",
            )
        return first

    def _refused(self, refusal: Refusal, given: _Given, operands: int, tensor: str) -> MergecError:
        notes = _notes(self.origin, given, operands, tensor)
        message = f"the plugin operator `{self.name}` {refusal.message}"
        return fail(refusal.code, message, notes=notes, help=refusal.help)

    def _failed(self, error: Exception, given: _Given, operands: int, tensor: str) -> MergecError:
        return fail(
            "E818",
            f"the plugin operator `{self.name}` raised {one_line(error)}",
            notes=_notes(self.origin, given, operands, tensor),
            help="correct the plugin; its kernel must take every value that its parameters allow",
        )


def sample(parameters: Sequence[Parameter]) -> dict[str, Value]:
    """A value for every parameter: its default, or one in the middle of what it takes."""
    return {parameter.name: _sample(parameter) for parameter in parameters}


def one_line(error: BaseException) -> str:
    """An exception in one line: its type and the first line of what it says."""
    said = escape(str(error).partition("\n")[0])[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _notes(origin: str, given: _Given, operands: int, tensor: str) -> list[str]:
    said = ", ".join(f"{name}={print_value(value)}" for name, value in given)
    inside = f"{operands} operand{'s' * (operands != 1)}{f' and {said}' if said else ''}"
    where = f", for tensor `{escape(tensor)}`" if tensor else ""
    return [f"called with {inside}{where}", f"the plugin is {origin}"]


def _sample(parameter: Parameter) -> Value:
    if not parameter.required:
        assert isinstance(parameter.default, Fraction | int | str | None)
        return parameter.default
    if parameter.kind == "bool":
        return False
    if parameter.words:
        return parameter.words[0]
    low, high = parameter.lo, parameter.hi
    if low is not None and high is not None:
        value = (low + high) / 2
    elif low is not None or high is not None:
        value = low + 1 if low is not None else high - 1 if high is not None else Fraction(1, 2)
    else:
        value = Fraction(1, 2)
    if parameter.kind == "int":
        return int(value)
    return value


def _setting(parameter: Parameter, value: Value, operands: int, work: Dtype) -> object:
    """A parameter as the kernel gets it: numbers rounded once to the work dtype."""
    if parameter.per_operand:
        items = value if isinstance(value, tuple) else (value,) * operands
        return tuple(_one(item, work) for item in items)
    return _one(value, work)


def _one(value: Value, work: Dtype) -> object:
    return coefficient(value, work, None) if isinstance(value, Fraction) else value


def _operation(tape: Tape, index: int) -> Operation:
    found = tape.operation(index)
    assert found is not None
    return found


def _rounds(product: Operation, tape: Tape, stored: Sequence[Dtype | None], work: Dtype) -> bool:
    """Whether a product of blocks is not always exact."""
    if product.kind != "array":
        return False
    bits: list[int] = []
    for arg in product.args:
        if not isinstance(arg, Ref):
            bits.append(0 if significant_bits(arg) <= 1 else SIGNIFICAND_BITS[work])
        elif arg.index < tape.inputs and (kind := stored[arg.index]) is not None:
            bits.append(SIGNIFICAND_BITS[kind])
        else:
            bits.append(SIGNIFICAND_BITS[work])
    return 0 not in bits and sum(bits) > SIGNIFICAND_BITS[work]
