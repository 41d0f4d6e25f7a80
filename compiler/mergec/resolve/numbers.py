"""Parameters that differ from tensor to tensor: what they are for one, and whether that may be."""

from fractions import Fraction

from mergec.diagnostics import Diagnostic, Span
from mergec.elaborate import Elaborated
from mergec.elaborate.parameters import in_range, out_of_range
from mergec.elaborate.wording import quoted, shown
from mergec.frozen import frozen
from mergec.ir import Amount, Node, Position, Schedule, Value, is_scheduled
from mergec.ir.schedule import Choice, UncoveredError, atoms_of, value_at
from mergec.ir.selector import selects
from mergec.ops import OPERATORS, Operator
from mergec.resolve.findings import Findings
from mergec.resolve.key_sets import KeySets
from mergec.resolve.routing import uncovered
from mergec.resolve.usage import Usage


@frozen
class Numbers:
    """Evaluates parameters."""

    elaborated: Elaborated
    keys: KeySets
    findings: Findings
    usage: Usage

    def known(self, node: Node, name: str, output: str) -> dict[str, Value]:
        """The parameters of a node for its tensor `name`, recorded for the tensor `output`.

        Finds E203, E211, E307 and E409.
        """
        params = {key: self._value(node, key, value, name, output) for key, value in node.params}
        params.pop("first", None)
        if node.op in OPERATORS:
            self._check(OPERATORS[node.op], node, params, name)
        return params

    def _value(self, node: Node, param: str, value: Value, name: str, output: str) -> Value:
        if isinstance(value, tuple) and is_scheduled(value):
            return tuple(self._value(node, param, item, name, output) for item in value)
        if not isinstance(value, Schedule):
            return value
        at = self.keys.of(node.key).position(name)
        place = self.elaborated.places.parameters.get((node.key, param))
        number = self._number(node, value, at, place)
        self.usage.value(node.key, param, output, value, number)
        return number

    def _number(self, node: Node, value: Amount, at: Position, place: Span | None) -> Fraction:
        for atom in atoms_of(value):
            if isinstance(atom, Choice):
                selected = [s is None or selects(s, at) for s, _ in atom.arms]
                self.usage.fits(atom, [i for i, fits in enumerate(selected) if fits])
        try:
            return value_at(value, at)
        except UncoveredError as error:
            arms = self.elaborated.places.arms.get(error.choice)
            whole = Span(arms[0].source, arms[0].start, arms[-1].end) if arms else place
            self.findings.stop(
                (node.key, "uncovered"), uncovered(at.name, whole or self._span(node))
            )
        except ZeroDivisionError:
            self.findings.stop(
                (node.key, "zero"),
                Diagnostic(
                    "E307",
                    f"`{quoted(place) if place else shown(value)}` divides by zero in tensor "
                    f"`{at.name}`",
                    place or self._span(node),
                    help=("divide by what is zero in no tensor",),
                ),
            )

    def _check(self, operator: Operator, node: Node, params: dict[str, Value], name: str) -> None:
        """Ranges, and parameters together, where a value differs from tensor to tensor."""
        changed = [key for key, value in node.params if is_scheduled(value)]
        if not changed:
            return
        places = self.elaborated.places.parameters
        for key in changed:
            parameter = operator.parameter(key)
            if parameter is None:
                continue  # derived from others, which are looked at themselves
            value = params[key]
            numbers = value if isinstance(value, tuple) else (value,)
            for number in numbers:
                assert isinstance(number, Fraction)
                if not in_range(parameter, number):
                    span = places.get((node.key, key))
                    where = f" in tensor `{name}`"
                    found = out_of_range(parameter, number, span, where)
                    self.findings.stop((node.key, key), found)
        objection = operator.check(params)
        if objection is not None:
            span = places.get((node.key, objection.parameter))
            value = params[objection.parameter]
            label = f"in tensor `{name}`"
            label = f"this is {shown(value)} {label}" if isinstance(value, Fraction) else label
            found = Diagnostic(
                objection.code, objection.message, span, label, help=(objection.help,)
            )
            self.findings.stop((node.key, objection.parameter), found)

    def _span(self, node: Node) -> Span | None:
        return self.elaborated.places.nodes.get(node.key)
