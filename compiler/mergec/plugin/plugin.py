"""A loaded plugin operator: what specs call, what runs it, and what identifies it in plans."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from inspect import getdoc

from mergec.catalog.dtypes import Dtype
from mergec.diagnostics import MergecError
from mergec.frozen import frozen
from mergec.ir import DELTA, MODEL, GraphBuilder, NodeKey, Value, print_value
from mergec.ops.declaration import Check, Lower, MassRule, Objection, Operator
from mergec.plugin.declare import Declared
from mergec.plugin.print_tape import print_tape
from mergec.plugin.stage import COUNT, PluginStage, sample


@frozen
class Origin:
    """Where a plugin came from: a file's name, or a distribution and its version.

    `sha256` is that of the bytes of the source file.
    """

    sha256: str
    file: str
    distribution: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        if self.distribution is None:
            return f"the file `{self.file}`"
        return f"`{self.distribution}` {self.version}"


@frozen
class Plugin:
    """One operator of a plugin."""

    declared: Declared
    origin: Origin
    operator: Operator
    stage: PluginStage

    @property
    def identity(self) -> dict[str, object]:
        """What plans and lineage record of it."""
        return {
            "operator": self.operator.name,
            "revision": self.operator.revision,
            "interface": self.declared.interface,
            "sha256": self.origin.sha256,
            "file": self.origin.file,
            "distribution": self.origin.distribution,
            "version": self.origin.version,
        }

    def described(self) -> list[str]:
        """Lines for its page: where it comes from, and what its kernel computes."""
        declared = self.declared
        low, high = declared.operands
        count = low if high is not None else max(low, 2)
        params = sample(declared.parameters)
        tape = self.stage.tape(params, count, Dtype.F64)
        given = ", ".join(f"{name}={print_value(value)}" for name, value in params.items())
        said = f"of {count} operand{'s' * (count != 1)}{f' at {given}' if given else ''}"
        return [
            f"Plugin     {self.origin}, SHA-256 {self.origin.sha256}",
            f"Computes   {said}, as recorded:",
            *(f"           {line}" for line in print_tape(tape)),
        ]


def make_plugin(declared: Declared, origin: Origin) -> Plugin:
    """The operator and the stage of a declaration.

    Records its kernel once. Raises E607, E818 and E819 for a kernel that is none.
    """
    stage = PluginStage(declared, str(origin))
    found = Operator(
        name=declared.name,
        revision=declared.revision,
        mass=declared.mass,
        operands=declared.operands,
        parameters=declared.parameters,
        laws=declared.laws,
        page=getdoc(declared.kernel) or "",
        lower=_lowering(declared),
        check=_checking(declared, stage),
        order_free=declared.order_free,
    )
    stage.tape(sample(declared.parameters), declared.operands[0], Dtype.F32)
    return Plugin(declared, origin, found, stage)


def _lowering(declared: Declared) -> Lower:
    """The stage on all operands; where there is a base, on the deltas, and the base plus that."""

    def lower(
        builder: GraphBuilder, operands: Sequence[NodeKey], params: Mapping[str, Value]
    ) -> NodeKey:
        first = builder[operands[0]].type
        consensus = declared.mass is MassRule.CONSENSUS
        has_base = consensus and first == MODEL
        base, rest = (operands[:1], operands[1:]) if has_base else ((), operands)
        given = {**params, COUNT: len(rest)}
        kind = DELTA if consensus else first
        made = builder.add(declared.name, rest, given, type=kind, revision=declared.revision)
        if not has_base:
            return made
        ones = (Fraction(1), Fraction(1))
        return builder.add("affine", [*base, made], {"coefficients": ones}, type=MODEL)

    return lower


def _checking(declared: Declared, stage: PluginStage) -> Check:
    """Whether the kernel takes these parameters, asked while the spec is compiled."""

    def check(params: Mapping[str, Value]) -> Objection | None:
        if not declared.parameters:
            return None
        lists = [len(value) for value in params.values() if isinstance(value, tuple)]
        try:
            stage.tape(params, max([declared.operands[0], *lists]), Dtype.F32)
        except MergecError as error:
            [found] = error.diagnostics
            hint = (found.help or ("",))[0]
            return Objection(found.code, declared.parameters[0].name, found.message, hint)
        return None

    return check
