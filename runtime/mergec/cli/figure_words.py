"""The figures of a comparison as people read them."""

from collections.abc import Mapping

from mergec.execute.likeness import DeltaFigures, Figures, WeightFigures

HEADS: Mapping[type[Figures], tuple[str, ...]] = {
    DeltaFigures: (
        *("tensors", "norm a", "of base", "norm b", "of base"),
        *("cosine", "conflicts", "zeros a", "zeros b"),
    ),
    WeightFigures: ("tensors", "norm a", "norm b", "difference", "of a", "cosine", "equal"),
}
"""What stands above the cells of each kind of figures."""

_UNDEFINED = "-"


def cells(figures: Figures | None) -> list[str]:
    """A row; nothing for a tensor of which no figures are known."""
    if figures is None:
        return []
    if isinstance(figures, DeltaFigures):
        return [
            f"{figures.tensors:,}",
            _norm(figures.delta_a),
            _share(figures.relative_a),
            _norm(figures.delta_b),
            _share(figures.relative_b),
            _cosine(figures.cosine),
            _share(figures.conflicts),
            _share(figures.zeros_a),
            _share(figures.zeros_b),
        ]
    return [
        f"{figures.tensors:,}",
        _norm(figures.norm_a),
        _norm(figures.norm_b),
        _norm(figures.difference),
        _share(figures.relative),
        _cosine(figures.cosine),
        _share(figures.equal),
    ]


def _norm(value: float | None) -> str:
    return _UNDEFINED if value is None else f"{value:.4g}"


def _cosine(value: float | None) -> str:
    return _UNDEFINED if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    """A percentage; neither 0 nor 100 unless it is exactly that."""
    if value is None:
        return _UNDEFINED
    shown = f"{100 * value:.2f}"
    if shown == "0.00" and value > 0:
        return "< 0.01 %"
    if shown == "100.00" and value < 1:
        return "> 99.99 %"
    return f"{shown} %"
