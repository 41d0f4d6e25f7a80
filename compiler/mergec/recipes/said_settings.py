"""Parameters of the graph as settings of a recipe, and what is to be said about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from mergec.diagnostics import Diagnostic, MergecError, Span, fail
from mergec.elaborate import Places
from mergec.ir import Node, NodeKey, Schedule, Value
from mergec.recipes.methods import RANDOM
from mergec.recipes.recognised import unlike
from mergec.recipes.said_amounts import Ends, NotSayable, amount_setting
from mergec.recipes.written_recipe import Entry

_SAYABLE = (
    '`match { "*mlp*" => 0.5, else => 1 }` and `match { layers(0..) => ramp(0, 1), else => 0 }`'
)
_TRUTHS = {"row": "true", "tensor": "false"}


@dataclass(slots=True)
class Speaker:
    """Says settings. `ends` are the tensors outside the layers that are computed with them."""

    places: Places
    ends: Ends = (True, True)
    found: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def each(
        self, node: Node, name: str, value: Value, word: str, entries: Sequence[Entry]
    ) -> list[Entry]:
        """A setting of every model: one number for all, or a list."""
        values = value if isinstance(value, tuple) else (value,) * len(entries)
        return [
            replace(
                entry,
                settings={**entry.settings, word: self.setting(node, name, each, entry.count)},
            )
            for entry, each in zip(entries, values, strict=True)
        ]

    def setting(self, node: Node, name: str, value: Value, layers: int | None) -> str:
        """The YAML of a parameter's value; `layers` as in `amount_setting`."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return _TRUTHS[value]
        assert isinstance(value, int | Fraction | Schedule)
        number = Fraction(value) if isinstance(value, int) else value
        try:
            return amount_setting(number, layers, self.ends)
        except NotSayable as why:
            span = self.places.parameters.get((node.key, name)) or self.span(node.key)
            message = f"no filter and no gradient of a recipe says this number: {why}"
            hint = f"it can say {_SAYABLE}"
            raise fail("E926", message, span, help=hint) from None

    def compare(self, node: Node, method: str, said: Sequence[str]) -> None:
        """E926 for what mergekit has no word for, W925 for defaults that are not its own."""
        default, chosen = unlike(node, method, said)
        if chosen:
            message = f"mergekit's `{method}` has no {', '.join(f'`{it}`' for it in chosen)}"
            span = self.span(node.key)
            raise fail("E926", message, span, help=f"leave it out, or call `mk.{method}`")
        if default:
            shown = ", ".join(f"`{it}`" for it in default)
            message = f"mergekit's `{method}` computes something else than {shown}"
            hint = f'`use "std:mergekit" as mk` and call `mk.{method}`, which is the same'
            self.warn(node.key, message, hint)
        self.drawn(node, method)

    def drawn(self, node: Node, method: str) -> None:
        """W925 for a method with random masks."""
        if method in RANDOM and node.op in ("ties", "linear", "affine"):
            message = "mergekit draws its masks by another generator"
            self.warn(node.key, message, "the shares are the same, and which entries not")

    def warn(self, key: NodeKey, message: str, hint: str) -> None:
        """W925, once for a node."""
        found = Diagnostic("W925", message, self.span(key), help=(hint,))
        if found not in self.found:
            self.found.append(found)

    def refused(self, key: NodeKey, message: str, hint: str = "") -> MergecError:
        """E925, to be raised."""
        return fail("E925", message, self.span(key), help=hint or "run the spec by mergec itself")

    def span(self, key: NodeKey) -> Span | None:
        """Where the spec says a node."""
        return self.places.nodes.get(key)
