"""How near two checkpoints are: tensor by tensor, layer by layer, and whether they are related."""

from mergec.execute.likeness.compare import Comparison, Layer, Tensor, compare
from mergec.execute.likeness.figures import DeltaFigures, Figures, WeightFigures
from mergec.execute.likeness.kinship import Kinship, kinship
from mergec.execute.likeness.pairing import Side

__all__ = [
    "Comparison",
    "DeltaFigures",
    "Figures",
    "Kinship",
    "Layer",
    "Side",
    "Tensor",
    "WeightFigures",
    "compare",
    "kinship",
]
