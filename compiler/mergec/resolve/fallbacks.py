"""Whether an operator itself stands for a tensor, or its fallback: by shape and by statistics."""

from dataclasses import dataclass, field
from typing import NoReturn

from mergec.catalog import TensorEntry, TensorName, match_names
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated
from mergec.ir import Node, NodeKey, part_statistics
from mergec.ops import OPERATORS, MassRule, Operator
from mergec.resolve.findings import Findings
from mergec.resolve.key_sets import KeySets
from mergec.resolve.usage import Usage

ITSELF, UNSUITED, WITHOUT = 0, 1, 2
"""What stands for a tensor: the operator; its fallback, by the shape; or for want of statistics."""


@dataclass(slots=True)
class Fallbacks:
    """Looks at headers, once for each value and the names that are asked of it."""

    elaborated: Elaborated
    keys: KeySets
    findings: Findings
    usage: Usage
    _found: dict[tuple[NodeKey, NodeKey | None], dict[str, str]] = field(
        default_factory=dict[tuple[NodeKey, NodeKey | None], dict[str, str]]
    )

    def itself(self, node: Node, name: str, output: str) -> bool:
        """Whether the operator of `node` combines its tensor `name`; recorded for `output`.

        Finds E209, E401 and E413.
        """
        operator = OPERATORS[node.op]
        if operator.fallback is None:
            return True
        entry = self._entry(node, name)
        if entry.dtype.is_integer:
            return False  # no operator combines them: they must be equal
        chosen = self._chosen(operator, node, name, entry)
        self.usage.arm(node.key, output, chosen)
        return chosen == ITSELF

    def _chosen(self, operator: Operator, node: Node, name: str, entry: TensorEntry) -> int:
        if not operator.suits(entry.shape):
            return UNSUITED
        combined, statistics = part_statistics(node.operands, dict(node.params))
        has_base = operator.mass is MassRule.CONSENSUS and self._is_model(combined[0])
        count = len(combined) - has_base
        if operator.most is not None and count > operator.most(entry.shape):
            self._too_many(operator, node, entry, count)
        if operator.statistic is None:
            return ITSELF
        lacking = [key for key in statistics if not self._has(node, key, name)]
        if not lacking:
            return ITSELF
        if len(lacking) == len(statistics) and not operator.statistic.needed:
            return WITHOUT
        self._incomplete(operator, node, name, lacking)

    def _is_model(self, key: NodeKey) -> bool:
        return self.elaborated.graph.node(key).type.mass == 1

    def _entry(self, node: Node, name: str) -> TensorEntry:
        """The tensor that `node`'s tensor has its shape from."""
        origins = self.keys.of(node.key).origins
        leaf = origins.get(name) or origins.get(self.inside(node.key, None, name))
        if leaf is not None:
            return self.keys.entry(leaf)
        self.findings.stop(
            (node.key, "missing"),
            Diagnostic(
                "E401",
                f"this `{node.op}` has no tensor `{name}`, which is asked of it",
                self.elaborated.places.nodes.get(node.key),
                notes=("the output has the tensors of the base, or of the first operand",),
                help=("put the value with the fewest tensors first, or widen this one",),
            ),
        )

    def _has(self, node: Node, statistic: NodeKey, name: str) -> bool:
        held = self.keys.of(statistic).origins
        asked_by = node.key if name in self.keys.of(node.key).origins else None
        return name in held or self.inside(statistic, asked_by, name) in held

    def inside(self, key: NodeKey, asked_by: NodeKey | None, name: str) -> str:
        """The name that `name` has in a value, behind the prefix of all others; empty for none.

        Names are asked by those of a value, or (None) of what is exported.
        """
        known = self._found.setdefault((key, asked_by), {})
        if name not in known:
            exported = [export.node for export in self.elaborated.exports]
            values = exported if asked_by is None else [asked_by]
            asked = [name, *(each for value in values for each in self.keys.of(value).origins)]
            names = [*dict.fromkeys(map(TensorName, asked))]
            held = {TensorName(each) for each in self.keys.of(key).origins}
            found = match_names(names, held).names
            known |= {each: found.get(each, "") for each in names}
        return known[name]

    def _too_many(self, operator: Operator, node: Node, entry: TensorEntry, count: int) -> NoReturn:
        most = operator.most(entry.shape) if operator.most is not None else 0
        has = f"takes at most {most} operand{'s' * (most != 1)}"
        message = f"`{operator.name}` {has} for tensor `{entry.name}` and has {count}"
        self.findings.stop(
            (node.key, "count"),
            Diagnostic(
                "E209",
                message,
                self.elaborated.places.nodes.get(node.key),
                notes=(f"`{entry.name}` is {entry.describe()}",),
                help=(
                    "merge such tensors in another way, as in "
                    f'`match {{ "{entry.name}" => linear(...), else => {operator.name}(...) }}`',
                ),
            ),
        )

    def _incomplete(
        self, operator: Operator, node: Node, name: str, lacking: list[NodeKey]
    ) -> NoReturn:
        """E413 for a tensor of which some or all sources of a statistic have none."""
        statistic = operator.statistic
        assert statistic is not None
        parameter = next(p.name for p in operator.parameters if p.kind == "sources")
        _, every = part_statistics(node.operands, dict(node.params))
        refs = ", ".join(f"`{self._ref(key)}`" for key in dict.fromkeys(lacking))
        verb = "has" if len(set(lacking)) == 1 else "have"
        why = f"`{operator.name}` needs a {statistic.name} of each operand for every tensor"
        if not statistic.needed:
            others = ", ".join(
                f"`{self._ref(k)}`" for k in dict.fromkeys(every) if k not in lacking
            )
            why = f"of {others} it is there, and one cannot be weighed against none"
        self.findings.stop(
            (node.key, "statistics"),
            Diagnostic(
                "E413",
                f"{refs} {verb} no {statistic.name} of tensor `{name}`",
                self.elaborated.places.parameters.get((node.key, parameter)),
                notes=(why,),
                help=(
                    "compute it, or merge such tensors in another way, as in "
                    f'`match {{ "{name}" => linear(...), else => {operator.name}(...) }}`',
                ),
            ),
        )

    def _ref(self, key: NodeKey) -> str:
        """The reference of the source that a statistic is read from."""
        return str(self.elaborated.graph.leaves(key)[0].param("ref"))
