"""Random expressions, written top-down: models and deltas over all operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, final

from hypothesis import strategies as st

from tests.strategies import macros, views
from tests.strategies.selectors import choice, ramp

Kind = Literal["exact", "smooth", "any"]

_DYADIC = ("2", "0.5", "0.25", "1.5", "(-1)", "(-1/2)", "3/4", "1")
_ROUGH = ("0.3", "1/3", "0.7", "(-0.1)", "1.1")
_DENSITIES = ("0.2", "1/3", "0.5", "0.75", "1", "0.01")


@dataclass(frozen=True, slots=True)
class Expr:
    """An expression and its twin, which says the same in another order.

    `exact` if dyadic tensors are never rounded in it; `anchored` if it is a delta of `base` itself,
    and not of some view of it.
    """

    text: str
    twin: str
    exact: bool
    anchored: bool = True


@final
class Writer:
    """Writes expressions; sometimes it binds one to a name of its own.

    `layers` is how many layers every value has. `head` are the lines that what was written needs
    above it, `rigid` says that some of it looks at tensor names, so that no source may have others.
    """

    def __init__(self, draw: st.DrawFn, kind: Kind, labels: Sequence[str], layers: int) -> None:
        self.draw, self.kind, self.labels, self.layers = draw, kind, labels, layers
        self.head: dict[str, None] = {}
        self.lines: list[str] = []
        self.twins: list[str] = []
        self.names: list[str] = []
        self.rigid = False

    def model(self, depth: int) -> Expr:
        """An expression of mass 1."""
        if depth == 0:
            return self.source()
        below = depth - 1
        hows: dict[str, Callable[[], Expr]] = {
            "source": self.source,
            "task": lambda: self.joined("({} + {})", self.model(below), self.delta(below)),
            "linear": lambda: self._linear([self.model(below) for _ in self.some()]),
            "affine": lambda: self._affine(self.model(below), self.model(below)),
            "ties": lambda: self._ties(depth, with_base=True),
            "slerp": lambda: self._slerp(self.model(below), self.model(below)),
            "macro": lambda: macros.model(self, below),
            "view": lambda: views.view(self, lambda: self.model(below)),
            "as_model": lambda: self.joined(
                'as_model(0.5*{} + 0.25*{}; why="so it was found")',
                self.model(below),
                self.model(below),
            ),
        }
        how = self.one_of(*hows, "view", "macro")
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
            "scale": lambda: self._scale(self.delta(below)),
            "factor": lambda: self._product(self.delta(below)),
            "trim": lambda: self._trim(self.delta(below)),
            "dare": lambda: self._dare(self.delta(below)),
            "sum": lambda: self.joined(
                f"({{}} {self.one_of('+', '-')} {{}})", self.delta(below), self.delta(below)
            ),
            "ties": lambda: self._ties(depth, with_base=False),
            "linear": lambda: self._linear([self.delta(below) for _ in self.some()]),
            "slerp": lambda: self._slerp(self.delta(below), self.delta(below)),
            "macro": lambda: macros.delta(self, below),
            "view": lambda: views.view(self, lambda: self.delta(below)),
        }
        how = self.one_of(*hows)
        found = hows[how]()
        return found if how in ("difference", "factor", "sum") else self._named(found)

    def source(self) -> Expr:
        """One of the sources, as many layers of it as every value has."""
        label = self.one_of(*self.labels)
        return Expr(f"${label}", f"${label}", exact=True)

    def difference(self, model: Expr) -> Expr:
        """What sets a model apart from `base`."""
        found = self.joined("({} - $base)", model)
        return Expr(found.text, found.twin, found.exact)

    def joined(self, form: str, *parts: Expr) -> Expr:
        """`form` with the parts in place of its `{}`."""
        return Expr(
            _filled(form, [part.text for part in parts]),
            _filled(form, [part.twin for part in parts]),
            all(part.exact for part in parts),
            all(part.anchored for part in parts),
        )

    def factor(self) -> tuple[str, bool]:
        """A number to multiply weights with, and whether it is short in base 2."""
        short = self.kind == "exact" or self.draw(st.booleans())
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

    def may_select(self, *parts: Expr) -> bool:
        """Whether a threshold or an election may look at these values."""
        return self.kind == "any" or all(part.exact for part in parts)

    def some(self) -> range:
        """One to three times."""
        return range(self.draw(st.integers(1, 3)))

    def one_of(self, *choices: str) -> str:
        """One of these."""
        return self.draw(st.sampled_from(choices))

    def _affine(self, a: Expr, b: Expr) -> Expr:
        t = self.number(("1/2", "1/4", "(-1)"))
        if self.draw(st.booleans()):
            return self.joined(f"({t}*{{}} + (1 - {t})*{{}})", a, b)
        # Only the tensors show that this is a model; a call wants to know.
        which = self.one_of("attn", "norm | head", "layers(..1)", '"*mlp*"')
        mine, rest = (f"(match {{ {which} => {x}, else => {y} }})" for x, y in ("10", "01"))
        return self.joined(f"linear({mine}*{{}} + {rest}*{{}})", a, b)

    def _linear(self, parts: Sequence[Expr]) -> Expr:
        """The first operand stays in front: it decides which tensors there are."""
        rough = ("1", "3", "0.1", "(match { attn => 2, else => 1 })")
        powers = [self.one_of(*(rough if self.kind != "exact" else ("1",))) for _ in parts]
        whole = len(parts) in (1, 2, 4) and len(set(powers)) == 1
        if self.kind == "exact" and not whole:
            return parts[0]
        order = [0, *reversed(range(1, len(parts)))]
        written = f"linear({', '.join(p.text for p in parts)}; weights=[{', '.join(powers)}])"
        twin = (
            f"linear({', '.join(parts[i].twin for i in order)}; "
            f"weights=[{', '.join(powers[i] for i in order)}])"
        )
        exact = whole and all(part.exact for part in parts)
        return Expr(written, twin, exact, all(part.anchored for part in parts))

    def _slerp(self, a: Expr, b: Expr) -> Expr:
        if not self.may_select(a, b):
            return a  # the direction of what should be zero is the direction of a rounding error
        t = self.one_of("0", "1", "(match { attn | head => 1, else => 0 })")
        ends = self.kind == "exact" or self.draw(st.booleans())
        if not ends:
            t = self.number(("0", "1/4", "0.7"))
        norm = self.one_of("raw", "polar")
        # One-element tensors are parallel or opposite, and opposite ones are refused by default.
        call = f"slerp({{}}, {{}}; t={t}, norm={norm}, antiparallel=lerp)"
        if self.draw(st.booleans()):
            call = f"({{}} |> slerp({{}}, t={t}, norm={norm}, antiparallel=lerp))"
        joined = self.joined(call, a, b)
        return Expr(joined.text, joined.twin, joined.exact and ends, joined.anchored)

    def _scale(self, part: Expr) -> Expr:
        factor, short = self.factor()
        found = self._apply(part, "scale", [f"by={factor}"])
        return Expr(found.text, found.twin, found.exact and short, found.anchored)

    def _product(self, part: Expr) -> Expr:
        factor, short = self.factor()
        text, twin = (f"{factor}*{each}" for each in (part.text, part.twin))
        return Expr(text, twin, part.exact and short, part.anchored)

    def _trim(self, part: Expr) -> Expr:
        if not self.may_select(part):
            return part
        density = self.number(_DENSITIES)
        rescales = ("none", "inv", "l1", "l2")
        rescale = self.one_of(*rescales[: {"exact": 1, "smooth": 2, "any": 4}[self.kind]])
        ties = self.one_of("index", "all")
        settings = [f"density={density}", f"ties={ties}", f"rescale={rescale}"]
        found = self._apply(part, "trim", settings)
        return Expr(found.text, found.twin, found.exact and rescale == "none", found.anchored)

    def _dare(self, part: Expr) -> Expr:
        short = self.kind == "exact" or self.draw(st.booleans())
        density = self.number(("0.5", "0.25", "1") if short else ("0.5", "0.3", "0.9", "1"))
        rescale = self.one_of(*(("inv", "none") if self.kind != "any" else ("inv", "none", "l1")))
        settings = [f"density={density}", f"rescale={rescale}"]
        if self.draw(st.booleans()):
            settings.append(f"seed={self.draw(st.integers(0, 2**64 - 1))}")
        elif self.draw(st.booleans()):
            self.head["param masks: int = 7\n"] = None
            settings.append("seed=masks")
        if rescale == "inv" and self.draw(st.booleans()):
            settings.append("q=1/2")
        if self.draw(st.booleans()):
            settings.append('stream="s"')
        found = self._apply(part, "dare", settings)
        exact = found.exact and short and rescale != "l1"
        return Expr(found.text, found.twin, exact, found.anchored)

    def _ties(self, depth: int, *, with_base: bool) -> Expr:
        parts = [self.delta(depth - 1) for _ in self.some()]
        anchored = all(part.anchored for part in parts)
        if not self.may_select(*parts) or not anchored:
            return self.source() if with_base else parts[0]
        count, exact = len(parts), self.kind == "exact"
        heavy = ("1",) if self.draw(st.booleans()) else ("1", "2", "1/2")
        weights = [self.number(heavy) for _ in parts]
        densities = [self.number(_DENSITIES) for _ in parts]
        averages = ("sum", "max") if exact and count > 2 else ("sum", "max", "mean", "wmean")
        if exact and len(set(weights)) > 1:
            averages = ("sum", "max")
        agg = self.one_of(*averages)
        factor, short = self.factor()
        words = [
            f"agg={agg}",
            f"elect={self.one_of('mass', 'count', 'none')}",
            f"zero={self.one_of('drop', 'positive', 'negative', 'majority')}",
            f"weight_stage={self.one_of('before', 'after')}",
            f"scale={factor}",
        ]
        order = [*reversed(range(count))] if with_base else [0, *reversed(range(1, count))]
        text, twin = (
            f"ties({'$base, ' if with_base else ''}{', '.join(operands[i] for i in turn)}; "
            f"density=[{', '.join(densities[i] for i in turn)}], "
            f"weights=[{', '.join(weights[i] for i in turn)}], {', '.join(words)})"
            for operands, turn in (
                ([p.text for p in parts], range(count)),
                ([p.twin for p in parts], order),
            )
        )
        sound = agg in ("sum", "max") or (count <= 2 and len(set(weights)) == 1)
        return Expr(text, twin, sound and short and all(p.exact for p in parts))

    def _apply(self, part: Expr, name: str, settings: Sequence[str]) -> Expr:
        """A call with one operand, in brackets or by a pipe."""
        inside = ", ".join(settings)
        if self.draw(st.booleans()):
            text, twin = (f"({each} |> {name}({inside}))" for each in (part.text, part.twin))
        else:
            text, twin = (f"{name}({each}; {inside})" for each in (part.text, part.twin))
        return Expr(text, twin, part.exact, part.anchored)

    def _named(self, value: Expr) -> Expr:
        if not self.draw(st.booleans()):
            return value
        name = f"v{len(self.names)}"
        self.names.append(name)
        self.lines.append(f"${name} = {value.text}\n")
        self.twins.append(f"${name} = {value.twin}\n")
        return Expr(f"${name}", f"${name}", value.exact, value.anchored)


def _filled(form: str, texts: Sequence[str]) -> str:
    """Not `str.format`, for a `match` in the form has braces too."""
    first, *others = form.split("{}")
    return first + "".join(text + rest for text, rest in zip(texts, others, strict=True))
