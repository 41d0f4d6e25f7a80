"""Random expressions, written top-down: models and deltas over all operators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import final

from hypothesis import strategies as st

from mergec.ops import OPERATORS
from tests.strategies import arcs, averages, consensus, macros, single_deltas, views
from tests.strategies.offer import Expr, Kind, Offer, Statistic
from tests.strategies.selectors import choice, ramp

OFFERS: Sequence[Offer] = (
    *averages.OFFERS,
    *single_deltas.OFFERS,
    *consensus.OFFERS,
    *arcs.OFFERS,
)

_DYADIC = ("2", "0.5", "0.25", "1.5", "(-1)", "(-1/2)", "3/4", "1")
_ROUGH = ("0.3", "1/3", "0.7", "(-0.1)", "1.1")
_NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})


@final
class Writer:
    """Writes expressions; sometimes it binds one to a name of its own.

    `layers` is how many layers every value has. `head` are the lines that what was written needs
    above it, `rigid` says that some of it looks at tensor names, so that no source may have others.
    `statistics` are the sources of statistics that are asked for, by label, and of which kind.
    """

    def __init__(self, draw: st.DrawFn, kind: Kind, labels: Sequence[str], layers: int) -> None:
        self.draw, self.kind, self.labels, self.layers = draw, kind, labels, layers
        self.head: dict[str, None] = {}
        self.lines: list[str] = []
        self.twins: list[str] = []
        self.names: list[str] = []
        self.rigid = False
        self.statistics: dict[str, Statistic] = {}

    def model(self, depth: int) -> Expr:
        """An expression of mass 1."""
        if depth == 0:
            return self.source()
        below = depth - 1
        hows: dict[str, Callable[[], Expr]] = {
            "source": self.source,
            "task": lambda: self.joined("({} + {})", self.model(below), self.delta(below)),
            "affine": lambda: self._affine(self.model(below), self.model(below)),
            "macro": lambda: macros.model(self, below),
            "view": lambda: views.view(self, lambda: self.model(below)),
            "as_model": lambda: self.joined(
                'as_model(0.5*{} + 0.25*{}; why="so it was found")',
                self.model(below),
                self.model(below),
            ),
            "operator": lambda: self._operator(below, model=True),
        }
        how = self.one_of(*hows, *["operator"] * 5, "view", "macro")
        found = hows[how]()
        return found if how in ("source", "affine") else self._named(found)

    def delta(self, depth: int) -> Expr:
        """An expression of mass 0."""
        if depth == 0:
            # `base - base` is legal, and dull: only where there is nothing else.
            other = self.one_of(*(self.labels[1:] or self.labels))
            return self.joined("({} - $base)", Expr(f"${other}", f"${other}", exact=True))
        below = depth - 1
        hows: dict[str, Callable[[], Expr]] = {
            "difference": lambda: self.difference(self.model(below)),
            "factor": lambda: self._product(self.delta(below)),
            "sum": lambda: self.joined(
                f"({{}} {self.one_of('+', '-')} {{}})", self.delta(below), self.delta(below)
            ),
            "macro": lambda: macros.delta(self, below),
            "view": lambda: views.view(self, lambda: self.delta(below)),
            "operator": lambda: self._operator(below, model=False),
        }
        how = self.one_of(*hows, *["operator"] * 5)
        found = hows[how]()
        return found if how in ("difference", "factor", "sum") else self._named(found)

    def value(self, model: bool, depth: int) -> Expr:
        """A model, or a delta."""
        return self.model(depth) if model else self.delta(depth)

    def source(self) -> Expr:
        """One of the sources, as many layers of it as every value has."""
        label = self.one_of(*self.labels)
        return Expr(f"${label}", f"${label}", exact=True)

    def statistic(self, kind: Statistic) -> str:
        """A source of statistics."""
        label = f"{kind}-{self.one_of('1', '2')}"
        self.statistics[label] = kind
        return f'model("./{label}", id="{label}")'

    def difference(self, model: Expr) -> Expr:
        """What sets a model apart from `base`."""
        return replace(self.joined("({} - $base)", model), anchored=True)

    def joined(self, form: str, *parts: Expr) -> Expr:
        """`form` with the parts in place of its `{}`."""
        return Expr(
            _filled(form, [part.text for part in parts]),
            _filled(form, [part.twin for part in parts]),
            all(part.exact for part in parts),
            all(part.anchored for part in parts),
            any(part.loose for part in parts),
        )

    def call(
        self,
        name: str,
        parts: Sequence[Expr],
        settings: Sequence[str] = (),
        lists: Mapping[str, Sequence[str]] = _NOTHING,
        *,
        base: bool = False,
        leads: bool = False,
    ) -> Expr:
        """A call; `lists` are its settings that have one value for each part.

        The twin has the parts in another order, if the operator has none of its own. The first
        stays in front where no base is given, for it decides which tensors there are.
        """
        turn = [*range(len(parts))]
        if OPERATORS[name].order_free and not leads:
            turn = [*reversed(turn)] if base else [*turn[:1], *reversed(turn[1:])]
        first = ["$base"] if base else []
        text, twin = (
            f"{name}({', '.join([*first, *(operands[i] for i in order)])}"
            f"{_rest(settings, lists, order)})"
            for operands, order in (
                ([part.text for part in parts], range(len(parts))),
                ([part.twin for part in parts], turn),
            )
        )
        return replace(self.joined("", *parts), text=text, twin=twin)

    def apply(self, part: Expr, name: str, settings: Sequence[str]) -> Expr:
        """A call with one operand, in brackets or by a pipe."""
        inside = ", ".join(settings)
        if self.flag():
            return self.joined(f"({{}} |> {name}({inside}))", part)
        return self.joined(f"{name}({{}}; {inside})", part)

    def factor(self) -> tuple[str, bool]:
        """A number to multiply weights with, and whether it is short in base 2."""
        short = self.kind == "exact" or self.flag()
        values = _DYADIC if short else (*_DYADIC, *_ROUGH)
        if self.one_of("plain", "plain", "param") == "param":
            return self.parameter(), True
        return self.number(values), short

    def parameter(self) -> str:
        """The name of a parameter between -2 and 2."""
        self.head["param part: number = 0.5 from -2 to 2\n"] = None
        return "part"

    def number(self, values: Sequence[str]) -> str:
        """One of `values`, or something that differs from tensor to tensor."""
        how = self.one_of("plain", "plain", "match", "ramp")
        if how == "match":
            return f"({choice(self.draw, self.layers, values)})"
        return ramp(self.draw, values) if how == "ramp" else self.one_of(*values)

    def plain(self, values: Sequence[str]) -> str:
        """One of `values`, for all tensors."""
        return self.one_of(*values)

    def may_select(self, *parts: Expr) -> bool:
        """Whether a threshold, an election or an angle may be taken of these values."""
        if self.kind in ("stated", "any"):
            return not any(part.loose for part in parts)
        return all(part.exact for part in parts)

    def some(self, least: int = 1, most: int = 3) -> range:
        """One to three times."""
        return range(self.draw(st.integers(least, most)))

    def seed(self) -> int:
        """A seed of a mask."""
        return self.draw(st.integers(0, 2**64 - 1))

    def flag(self) -> bool:
        """Yes or no."""
        return self.draw(st.booleans())

    def one_of(self, *choices: str) -> str:
        """One of these."""
        return self.draw(st.sampled_from(choices))

    def _operator(self, depth: int, *, model: bool) -> Expr:
        offers = {
            offer.name: offer
            for offer in OFFERS
            if self.kind in offer.kinds and (offer.models if model else offer.deltas)
        }
        return offers[self.one_of(*offers)].write(self, model, depth)

    def _affine(self, a: Expr, b: Expr) -> Expr:
        t = self.number(("1/2", "1/4", "(-1)"))
        if self.flag():
            return self.joined(f"({t}*{{}} + (1 - {t})*{{}})", a, b)
        # Only the tensors show that this is a model; a call wants to know.
        which = self.one_of("attn", "norm | head", "layers(..1)", '"*mlp*"')
        mine, rest = (f"(match {{ {which} => {x}, else => {y} }})" for x, y in ("10", "01"))
        return self.joined(f"linear({mine}*{{}} + {rest}*{{}})", a, b)

    def _product(self, part: Expr) -> Expr:
        factor, short = self.factor()
        found = self.joined("{}", part)
        text, twin = (f"{factor}*{each}" for each in (part.text, part.twin))
        return replace(found, text=text, twin=twin, exact=part.exact and short)

    def _named(self, value: Expr) -> Expr:
        if not self.flag():
            return value
        name = f"v{len(self.names)}"
        self.names.append(name)
        self.lines.append(f"${name} = {value.text}\n")
        self.twins.append(f"${name} = {value.twin}\n")
        return replace(value, text=f"${name}", twin=f"${name}")


def _rest(settings: Sequence[str], lists: Mapping[str, Sequence[str]], order: Sequence[int]) -> str:
    """The part of a call behind its operands."""
    listed = (f"{key}=[{', '.join(values[i] for i in order)}]" for key, values in lists.items())
    inside = ", ".join((*listed, *settings))
    return f"; {inside}" if inside else ""


def _filled(form: str, texts: Sequence[str]) -> str:
    """Not `str.format`, for a `match` in the form has braces too."""
    if not form:
        return ""
    first, *others = form.split("{}")
    return first + "".join(text + rest for text, rest in zip(texts, others, strict=True))
