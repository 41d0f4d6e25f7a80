"""Random specs: sources of several depths, parameters, used files, exports and contracts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from hypothesis import strategies as st

from mergec.diagnostics import SourceText
from mergec.elaborate import Bundle, Setting
from tests.strategies.expressions import Writer
from tests.strategies.macros import COMMON
from tests.strategies.offer import Kind, Statistic

_DTYPES = ("", " { dtype = bf16 }", " { dtype = f16, shard = 1KB }", " { dtype = f32 }")
_WHOLE = "{}"
# What an export may make of a value: some of its tensors, other layers, other names.
_CHANGED = (
    _WHOLE,
    "select({}, attn | norm)",
    "select({}, !head & !embed)",
    "({})[..1]",
    "(({}) ++ ({})[0..1])",
    'rename({}, "model.*" => "language_model.*")',
)
_CONTRACTS = (
    "finite({}) and norm({}) >= 0",
    "not (sparsity({}) > 1 or sparsity({}) < 0)",
    "cosine({}, $base) <= 1 and sign_conflict({}, $base, $base) < 2",
    "layer_count({}) == layer_count($base)",
    "params({}) <= 2*params($base)",
    "license({}) == license({})",
    'dtype({}) in [bf16, f16, f32, "f64 + f32", f64] or layer_count({}) in [0, 1, 2]',
)


@dataclass(frozen=True, slots=True)
class SpecText:
    """A generated spec. Names are placeholders, so that they can be changed.

    `twin` says the same with the operands of order-free operators in another order. `layers` are
    the layers of each source by its label. `rigid` says that all sources have the same tensor
    names. `plain` is the template without its contracts. `delta` says that the first export is one.
    `statistics` are the sources of statistics by their labels, and of which kind they are.
    """

    template: str
    twin: str
    plain: str
    names: tuple[str, ...]
    layers: Mapping[str, int]
    settings: Mapping[str, Setting]
    rigid: bool
    delta: bool
    statistics: Mapping[str, Statistic] = field(default_factory=dict[str, Statistic])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the sources."""
        return tuple(self.layers)

    @property
    def text(self) -> str:
        """The spec with the names as they were made."""
        return self._filled(self.template)

    @property
    def permuted(self) -> str:
        """The spec with operands in another order."""
        return self._filled(self.twin)

    @property
    def uncontracted(self) -> str:
        """The spec without its contracts."""
        return self._filled(self.plain)

    @property
    def renamed(self) -> str:
        """The spec with every binding called otherwise."""
        return self._otherwise(self.template)

    @property
    def renamed_uncontracted(self) -> str:
        """The same without its contracts."""
        return self._otherwise(self.plain)

    @property
    def bundle(self) -> Bundle:
        """The spec with what it is given."""
        return self.given(self.text)

    def given(self, text: str, root: Path = Path()) -> Bundle:
        """A spec like this one, with what this one is given."""
        imports = {"common.merge": COMMON}
        return Bundle(SourceText("random.merge", text), root, self.settings, imports)

    def alone(self, export: str) -> str:
        """The spec with this export alone."""
        lines = self.text.splitlines(keepends=True)
        others = (line.startswith("export") and f'as "{export}"' not in line for line in lines)
        return "".join(line for line, other in zip(lines, others, strict=True) if not other)

    def _otherwise(self, template: str) -> str:
        return Template(template).substitute({name: f"other_{name}" for name in self.names})

    def _filled(self, template: str) -> str:
        return Template(template).substitute({name: name for name in self.names})


def specs(kind: Kind) -> st.SearchStrategy[SpecText]:
    """Specs over 1 to 4 sources labelled `base`, `a`, `b`, `c`."""
    return st.composite(_write)(kind)


def _write(draw: st.DrawFn, kind: Kind) -> SpecText:
    labels = ("base", "a", "b", "c")[: draw(st.sampled_from([3, 4, 2, 1]))]
    deep = draw(st.integers(1, 3))
    layers = {label: deep for label in labels}
    for label in labels[1:]:
        layers[label] = max(1, deep + draw(st.sampled_from([0, 0, 0, 1, -1])))
    writer = Writer(draw, kind, labels, deep)
    sources = "".join(_source(writer, label, layers[label]) for label in labels)
    delta = draw(st.booleans())
    result = writer.delta(3) if delta else writer.model(3)
    exports = [f'export {"delta " if delta else ""}$result as "result"{writer.one_of(*_DTYPES)}\n']
    exports += _more_exports(writer, delta=delta)
    contracts = _contracts(writer)
    settings = _settings(writer)
    head = "".join((sources, *writer.head))
    template, twin, plain = (
        f"{head}{''.join(lines)}$result = {body}\n{required}{''.join(exports)}"
        for lines, body, required in (
            (writer.lines, result.text, contracts),
            (writer.twins, result.twin, contracts),
            (writer.lines, result.text, ""),
        )
    )
    bound = (*labels, *(f"{label}_all" for label in labels), *writer.names, "result")
    return SpecText(
        template, twin, plain, bound, layers, settings, writer.rigid, delta, writer.statistics
    )


def _source(writer: Writer, label: str, layers: int) -> str:
    """The lines that bind a source, cut or stretched to the depth of `base`."""
    call = f'model("./{label}", id="{label}")'
    if layers == writer.layers:
        return f"${label} = {call}\n"
    if layers > writer.layers:
        low = writer.draw(st.integers(0, layers - writer.layers))
        return f"${label}_all = {call}\n${label} = ${label}_all[{low}..{low + writer.layers}]\n"
    writer.rigid = True
    return f"${label}_all = {call}\n${label} = ${label}_all ++ ${label}_all[0..1]\n"


def _more_exports(writer: Writer, *, delta: bool) -> list[str]:
    """Up to two, some of them of parts of the first."""
    lines: list[str] = []
    for number in range(writer.draw(st.sampled_from([0, 0, 1, 2]))):
        form = writer.one_of(*_CHANGED)
        if form != _WHOLE:
            writer.rigid = True
        of_result = writer.draw(st.booleans())
        value = "$result" if of_result else writer.model(1).text
        word = "delta " if delta and of_result else ""
        body = form.replace("{}", value)
        lines.append(f'export {word}{body} as "more-{number}"{writer.one_of(*_DTYPES)}\n')
    return lines


def _contracts(writer: Writer) -> str:
    """Up to two that hold."""
    count = writer.draw(st.sampled_from([0, 0, 1, 2]))
    texts = (writer.one_of(*_CONTRACTS).replace("{}", "$result") for _ in range(count))
    return "".join(f'require {text}, "it always holds"\n' for text in texts)


def _settings(writer: Writer) -> dict[str, Setting]:
    """Values for some of the parameters that there are."""
    head = "".join(writer.head)
    possible = {"part": ("param part", "1/4"), "masks": ("param masks", "18446744073709551615")}
    possible["common.share"] = ("common.merge", "0.25")
    return {
        name: Setting(value)
        for name, (sign, value) in possible.items()
        if sign in head and writer.draw(st.booleans())
    }
