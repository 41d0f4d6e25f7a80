"""Plots of a comparison over the depth of the model, as one SVG to stand in a page."""

import io
from collections.abc import Callable, Sequence
from math import nan
from typing import Any, cast

import matplotlib
from matplotlib.figure import Figure

from mergec.execute.likeness import Comparison, DeltaFigures, Layer, WeightFigures

# Okabe and Ito's, which people tell apart who see fewer colours.
_COLOURS = ("#0072b2", "#d55e00", "#009e73")
_MOST_TICKS = 24
_NORM = "norm"
# Letters stay letters; ids and metadata are the same each time.
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mergec",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

_Line = tuple[str, Callable[[Any], float | None], float]
_Plot = tuple[str, tuple[_Line, ...]]

_OF_DELTAS: tuple[_Plot, ...] = (
    (
        f"{_NORM} of the delta, in % of the base's",
        (("a", lambda f: f.relative_a, 100), ("b", lambda f: f.relative_b, 100)),
    ),
    ("cosine of the deltas", (("a and b", lambda f: f.cosine, 1),)),
    (
        "share of entries, in %",
        (
            ("zeros of a", lambda f: f.zeros_a, 100),
            ("zeros of b", lambda f: f.zeros_b, 100),
            ("conflicts", lambda f: f.conflicts, 100),
        ),
    ),
)
_OF_WEIGHTS: tuple[_Plot, ...] = (
    (f"{_NORM} of the difference, in % of a's", (("a and b", lambda f: f.relative, 100),)),
    ("cosine of the weights", (("a and b", lambda f: f.cosine, 1),)),
    ("share of equal entries, in %", (("a and b", lambda f: f.equal, 100),)),
)
_PLOTS = {DeltaFigures: _OF_DELTAS, WeightFigures: _OF_WEIGHTS}


def plots(result: Comparison) -> str:
    """An `<svg>` element with one plot below the other; the same bytes each time."""
    chosen = _PLOTS[type(result.whole)]
    with cast("Any", matplotlib).rc_context(_SETTINGS):
        figure = cast("Any", Figure(figsize=(9, 2.6 * len(chosen)), layout="constrained"))
        axes = figure.subplots(len(chosen), sharex=True, squeeze=False)
        for place, (title, lines) in enumerate(chosen):
            _draw(axes[place, 0], title, lines, result.layers)
        _label(axes[-1, 0], [layer.label for layer in result.layers])
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata=_NO_METADATA)
    text = drawn.getvalue()
    return text[text.index("<svg") :].strip()


def _draw(axes: Any, title: str, lines: Sequence[_Line], layers: Sequence[Layer]) -> None:
    positive = title.startswith(_NORM)
    for colour, (name, figure, scale) in zip(_COLOURS, lines, strict=False):
        found = [figure(layer.figures) for layer in layers]
        heights = [nan if value is None else scale * value for value in found]
        positive &= all(height > 0 for height in heights)
        axes.plot(
            range(len(layers)), heights, color=colour, marker="o", markersize=3, linewidth=1.2,
            label=name,
        )  # fmt: skip
    axes.set_title(title, loc="left", fontsize=10)
    if positive:  # norms of an embedding and of a bias may be thousands apart
        axes.set_yscale("log")
    else:
        axes.axhline(0, color="#888888", linewidth=0.8)
    if len(lines) > 1:
        axes.legend(fontsize=8, ncols=len(lines))


def _label(axes: Any, labels: Sequence[str]) -> None:
    """The names of the layers, as many as there is room for; no `$` in one begins a formula."""
    step = -(-len(labels) // _MOST_TICKS) or 1
    places = range(0, len(labels), step)
    long = any(len(labels[place]) > 6 for place in places)
    axes.set_xticks(
        [*places],
        labels=[labels[place] for place in places],
        rotation=45 if long else 0,
        ha="right" if long else "center",
        fontsize=8,
        parse_math=False,
    )
