"""Random well-typed specs over the whole language core, and small checkpoints to merge.

A generated spec always compiles and never overflows on these checkpoints. Three kinds:

- `exact`: on dyadic tensors every step is exact in float32, so a run must equal the rationals;
- `smooth`: roundings happen, but nothing that jumps (trim, ties, slerp at zero) looks at a
  rounded value, so a run is near the rationals;
- `any`: all of the language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from random import Random
from string import Template
from typing import Literal

from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.verify.evaluate import StoredTensor
from mergec.verify.law_tensors import Elements, arrays, coarse, dyadic, loaded, stored

Kind = Literal["exact", "smooth", "any"]

FLOATS = (Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)
_DYADIC = ("2", "0.5", "0.25", "1.5", "(-1)", "(-1/2)", "3/4", "1")
_ROUGH = ("0.3", "1/3", "0.7", "(-0.1)", "1.1")
_DENSITIES = ("0.2", "1/3", "0.5", "0.75", "1", "0.01")
_SMALL = (2.0**-126, -(2.0**-149), 2.0**-133, 2.0**-24, -0.0, 0.1, -0.1, 0.3, 1 + 2.0**-23)


@dataclass(frozen=True, slots=True)
class SpecText:
    """A generated spec. Names are placeholders, so that they can be changed.

    `twin` says the same with the operands of order-free operators in another order.
    """

    template: str
    twin: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    delta: bool

    @property
    def text(self) -> str:
        """The spec with the names as they were made."""
        return Template(self.template).substitute({name: name for name in self.names})

    @property
    def permuted(self) -> str:
        """The spec with operands in another order."""
        return Template(self.twin).substitute({name: name for name in self.names})

    @property
    def renamed(self) -> str:
        """The spec with every binding called otherwise."""
        return Template(self.template).substitute({name: f"other_{name}" for name in self.names})


def specs(kind: Kind) -> st.SearchStrategy[SpecText]:
    """Specs over 1 to 4 sources labelled `base`, `a`, `b`, `c`."""
    return st.composite(_write)(kind)


def _write(draw: st.DrawFn, kind: Kind) -> SpecText:
    labels = ("base", "a", "b", "c")[: draw(st.sampled_from([3, 4, 2, 1]))]
    writer = _Writer(draw, kind, labels)
    delta = draw(st.booleans())
    result = writer.delta(3) if delta else writer.model(3)
    dtype = draw(st.sampled_from(["", " { dtype = bf16 }", " { dtype = f16 }", " { dtype = f32 }"]))
    head = "".join(f'${label} = model("./{label}", id="{label}")\n' for label in labels)
    last = f'export {"delta " if delta else ""}$result as "result"{dtype}\n'
    text, twin = (
        f"{head}{''.join(lines)}$result = {body}\n{last}"
        for lines, body in ((writer.lines, result.text), (writer.twins, result.twin))
    )
    return SpecText(text, twin, (*labels, *writer.names, "result"), labels, delta)


@dataclass(frozen=True, slots=True)
class _Expr:
    """An expression and its permuted twin; `exact` if dyadic tensors are never rounded in it."""

    text: str
    twin: str
    exact: bool


class _Writer:
    """Writes expressions top-down; sometimes it binds one to a name of its own."""

    def __init__(self, draw: st.DrawFn, kind: Kind, labels: Sequence[str]) -> None:
        self._draw, self._kind, self._labels = draw, kind, labels
        self.lines: list[str] = []
        self.twins: list[str] = []
        self.names: list[str] = []

    def model(self, depth: int) -> _Expr:
        """An expression of mass 1."""
        if depth == 0:
            return self._source()
        how = self._one_of("source", "task", "linear", "affine", "ties", "slerp", "repeat")
        match how:
            case "task":
                base, delta = self.model(depth - 1), self.delta(depth - 1)
                return self._named(self._joined("({} + {})", base, delta))
            case "linear":
                return self._named(self._linear([self.model(depth - 1) for _ in self._some()], 1))
            case "affine":
                a, b = self.model(depth - 1), self.model(depth - 1)
                t = self._one_of("1/2", "1/4", "(-1)")
                return self._joined(f"({t}*{{}} + (1 - {t})*{{}})", a, b)
            case "ties":
                return self._named(self._ties(depth, with_base=True))
            case "slerp":
                return self._named(self._slerp(self.model(depth - 1), self.model(depth - 1)))
            case _:
                return self._source()

    def delta(self, depth: int) -> _Expr:
        """An expression of mass 0, relative to `base`."""
        if depth == 0:
            # `base - base` is legal, and dull: only where there is nothing else.
            other = self._one_of(*(self._labels[1:] or self._labels))
            return self._joined("({} - $base)", _Expr(f"${other}", f"${other}", exact=True))
        how = self._one_of(
            *("difference", "scale", "factor", "trim", "dare", "sum", "ties", "linear", "slerp")
        )
        match how:
            case "scale":
                return self._apply(self.delta(depth - 1), "scale", [f"by={self._factor()}"])
            case "factor":
                factor, inner = self._factor(), self.delta(depth - 1)
                product = self._joined(f"{factor}*{{}}", inner)
                return _Expr(product.text, product.twin, inner.exact and _short(factor))
            case "trim":
                return self._named(self._trim(self.delta(depth - 1)))
            case "dare":
                return self._named(self._dare(self.delta(depth - 1)))
            case "sum":
                sign = self._one_of("+", "-")
                a, b = self.delta(depth - 1), self.delta(depth - 1)
                return self._joined(f"({{}} {sign} {{}})", a, b)
            case "ties":
                return self._named(self._ties(depth, with_base=False))
            case "linear":
                return self._named(self._linear([self.delta(depth - 1) for _ in self._some()], 0))
            case "slerp":
                return self._named(self._slerp(self.delta(depth - 1), self.delta(depth - 1)))
            case _:
                return self._joined("({} - $base)", self.model(depth - 1))

    def _source(self) -> _Expr:
        label = self._one_of(*self._labels)
        return _Expr(f"${label}", f"${label}", exact=True)

    def _linear(self, parts: Sequence[_Expr], fixed: int) -> _Expr:
        """`fixed` operands stay in front: the first model decides which tensors there are."""
        choices = ("1",) if self._kind == "exact" else ("1", "3", "0.1")
        powers = [self._one_of(*choices) for _ in parts]
        whole = len(parts) in (1, 2, 4) and len(set(powers)) == 1
        exact = whole and all(part.exact for part in parts)
        if self._kind == "exact" and not whole:
            return parts[0]
        order = [*range(fixed), *reversed(range(fixed, len(parts)))]
        written = f"linear({', '.join(p.text for p in parts)}; weights=[{', '.join(powers)}])"
        twin = (
            f"linear({', '.join(parts[i].twin for i in order)}; "
            f"weights=[{', '.join(powers[i] for i in order)}])"
        )
        return _Expr(written, twin, exact)

    def _slerp(self, a: _Expr, b: _Expr) -> _Expr:
        if not (self._may_select(a) and self._may_select(b)):
            return a  # the direction of what should be zero is the direction of a rounding error
        t = self._one_of("0", "1") if self._kind == "exact" else self._one_of("0", "1/4", "0.7")
        norm = self._one_of("raw", "polar")
        # One-element tensors are parallel or opposite, and opposite ones are refused by default.
        call = f"slerp({{}}, {{}}; t={t}, norm={norm}, antiparallel=lerp)"
        if self._draw(st.booleans()):
            call = f"({{}} |> slerp({{}}, t={t}, norm={norm}, antiparallel=lerp))"
        joined = self._joined(call, a, b)
        return _Expr(joined.text, joined.twin, joined.exact and t in ("0", "1"))

    def _trim(self, part: _Expr) -> _Expr:
        if not self._may_select(part):
            return part
        density = self._one_of(*_DENSITIES)
        rescales = ("none", "inv", "l1", "l2")
        rescale = self._one_of(*rescales[: {"exact": 1, "smooth": 2, "any": 4}[self._kind]])
        ties = self._one_of("index", "all")
        found = self._apply(
            part, "trim", [f"density={density}", f"ties={ties}", f"rescale={rescale}"]
        )
        return _Expr(found.text, found.twin, found.exact and rescale == "none")

    def _dare(self, part: _Expr) -> _Expr:
        exact = self._kind == "exact"
        density = self._one_of(*(("0.5", "0.25", "1") if exact else ("0.5", "0.3", "0.9", "1")))
        rescales = ("inv", "none") if self._kind != "any" else ("inv", "none", "l1")
        settings = [f"density={density}", f"seed={self._draw(st.integers(0, 2**64 - 1))}"]
        rescale = self._one_of(*rescales)
        settings.append(f"rescale={rescale}")
        if rescale == "inv" and self._draw(st.booleans()):
            settings.append("q=1/2")
        if self._draw(st.booleans()):
            settings.append('stream="s"')
        found = self._apply(part, "dare", settings)
        return _Expr(found.text, found.twin, found.exact and density in ("0.5", "0.25", "1"))

    def _ties(self, depth: int, *, with_base: bool) -> _Expr:
        parts = [self.delta(depth - 1) for _ in self._some()]
        if not all(self._may_select(part) for part in parts):
            return self.model(0) if with_base else parts[0]
        count, exact = len(parts), self._kind == "exact"
        heavy = ("1",) if self._draw(st.booleans()) else ("1", "2", "1/2")
        weights = [self._one_of(*heavy) for _ in parts]
        densities = [self._one_of(*_DENSITIES) for _ in parts]
        averages = ("sum", "max") if exact and count > 2 else ("sum", "max", "mean", "wmean")
        if exact and len(set(weights)) > 1:
            averages = ("sum", "max")
        agg = self._one_of(*averages)
        words = [
            f"agg={agg}",
            f"elect={self._one_of('mass', 'count', 'none')}",
            f"zero={self._one_of('drop', 'positive', 'negative', 'majority')}",
            f"weight_stage={self._one_of('before', 'after')}",
            f"scale={self._factor()}",
        ]
        base = "$base, " if with_base else ""
        texts = [
            f"ties({base}{', '.join(operands)}; density=[{', '.join(rho)}], "
            f"weights=[{', '.join(w)}], {', '.join(words)})"
            for operands, rho, w in (
                ([p.text for p in parts], densities, weights),
                ([p.twin for p in reversed(parts)], densities[::-1], weights[::-1]),
            )
        ]
        sound = agg in ("sum", "max") or (count <= 2 and len(set(weights)) == 1)
        sound = sound and _short(words[-1].removeprefix("scale="))
        return _Expr(texts[0], texts[1], sound and all(p.exact for p in parts))

    def _may_select(self, part: _Expr) -> bool:
        """Whether a threshold or an election may look at this value."""
        return part.exact or self._kind == "any"

    def _apply(self, part: _Expr, name: str, settings: Sequence[str]) -> _Expr:
        """A call with one operand, in brackets or by a pipe."""
        inside = ", ".join(settings)
        exact = part.exact and all(_short(s[3:]) for s in settings if s.startswith("by="))
        if self._draw(st.booleans()):
            call = f"({{}} |> {name}({inside}))"
        else:
            call = f"{name}({{}}; {inside})"
        return _Expr(call.format(part.text), call.format(part.twin), exact)

    def _joined(self, form: str, *parts: _Expr) -> _Expr:
        return _Expr(
            form.format(*(part.text for part in parts)),
            form.format(*(part.twin for part in parts)),
            all(part.exact for part in parts),
        )

    def _named(self, value: _Expr) -> _Expr:
        if not self._draw(st.booleans()):
            return value
        name = f"v{len(self.names)}"
        self.names.append(name)
        self.lines.append(f"${name} = {value.text}\n")
        self.twins.append(f"${name} = {value.twin}\n")
        return _Expr(f"${name}", f"${name}", value.exact)

    def _factor(self) -> str:
        return self._one_of(*(_DYADIC if self._kind == "exact" else (*_DYADIC, *_ROUGH)))

    def _some(self) -> range:
        return range(self._draw(st.integers(1, 3)))

    def _one_of(self, *choices: str) -> str:
        return self._draw(st.sampled_from(choices))


def _short(factor: str) -> bool:
    return factor in _DYADIC


Checkpoints = Mapping[str, Mapping[str, StoredTensor]]


def checkpoints(labels: Sequence[str], *, exact: bool) -> st.SearchStrategy[Checkpoints]:
    """For each label a checkpoint of a few tensors: mixed dtypes, no element to a dozen.

    With `exact` all elements are multiples of 1/16. Some sources have a prefix on every name; all
    hold an equal integer buffer and a bookkeeping one that differs.
    """
    return st.composite(_fill)(labels, exact)


def _fill(draw: st.DrawFn, labels: Sequence[str], exact: bool) -> Checkpoints:
    known = st.sampled_from([(), (0,), (1,), (2, 3), (7,), (3, 4)])
    shapes = draw(st.lists(known, min_size=1, max_size=2))
    elements = draw(st.sampled_from([dyadic, coarse] if exact else [dyadic, coarse, _uneven]))
    found: dict[str, dict[str, StoredTensor]] = {}
    for label in labels:
        prefix = "model." if label != "base" and draw(st.integers(0, 5)) == 5 else ""
        found[label] = {
            f"{prefix}layers.{i}.weight": _tensor(draw, elements, shape)
            for i, shape in enumerate(shapes)
        }
        found[label][f"{prefix}steps"] = StoredTensor(Dtype.I64, (1,), bytes(8))
        ids = bytes([draw(st.integers(0, 9)), *bytes(7)])
        found[label][f"{prefix}position_ids"] = StoredTensor(Dtype.I64, (1,), ids)
    return found


def _tensor(draw: st.DrawFn, elements: Elements, shape: tuple[int, ...]) -> StoredTensor:
    dtype = draw(st.sampled_from(FLOATS))
    n = prod(shape)
    (values,) = draw(arrays(elements, dtype, 1, least=n, most=n))
    return stored(values.reshape(shape), dtype)


def _uneven(random: Random) -> float:
    """Ordinary numbers among tiny ones, so that no sum leaves the range of float16."""
    return random.choice((random.choice(_SMALL), random.uniform(-4.0, 4.0)))


def fraction_list(tensor: StoredTensor) -> list[Fraction]:
    """A stored tensor's elements as rationals, in row order."""
    return [Fraction(x) for x in loaded(tensor).ravel().tolist()]
