"""A family of small classifiers to merge: a base and three experts on handwritten digits.

The data are scikit-learn's bundled 8 x 8 digits (1,797 images). The base, a 64-256-256-10
perceptron, sees four images of each digit and knows all ten a little. An expert starts from the
base, sees many images of three or four digits, gets good at those and forgets the others. Its
last layer stays frozen, as in task arithmetic on CLIP (Ilharco et al., 2023, arXiv:2212.04089,
section 2): the experts then differ in what they see, not in which answers they have unlearnt.
A merge is worth something here when the child knows all ten digits better than the base did.

Everything is seeded: the same torch build gives the same weights. Scores are shares of the 797
images that no model has seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn import datasets  # pyright: ignore[reportMissingTypeStubs]  # there are none
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, relu

from specs.demo.checkpoint import Weights, write_checkpoint

EXPERTS: Mapping[str, tuple[int, ...]] = {
    "low": (0, 1, 2),
    "middle": (3, 4, 5),
    "high": (6, 7, 8, 9),
}

SIZES = (64, 256, 256, 10)
LAYERS = len(SIZES) - 1
FROZEN = f"layers.{LAYERS - 1}."
BASE_IMAGES_EACH = 4
BASE_STEPS, BASE_RATE = 20, 1e-3
EXPERT_STEPS, EXPERT_RATE = 100, 5e-4
TRAINING_IMAGES = 1000

CONFIG = {
    "architectures": ["DigitsMLP"],
    "layer_sizes": SIZES,
    "model_type": "digits-mlp",
    "torch_dtype": "float32",
}
CARD_TEXT = "A perceptron on scikit-learn's handwritten digits, trained in a second to be merged."


@dataclass(frozen=True, slots=True)
class Images:
    """Images as f32[n,64] in [0, 1] and their digits as i64[n]."""

    pixels: Tensor
    digits: Tensor

    def of(self, digits: Iterable[int]) -> "Images":
        """Only the images of these digits."""
        return self.at(torch.isin(self.digits, torch.tensor(list(digits))).nonzero().flatten())

    def first_of_each(self, count: int) -> "Images":
        """The first `count` images of every digit."""
        rows = [(self.digits == digit).nonzero().flatten()[:count] for digit in range(10)]
        return self.at(torch.cat(rows))

    def at(self, rows: Tensor) -> "Images":
        """The images at these positions."""
        return Images(self.pixels[rows], self.digits[rows])


@dataclass(frozen=True, slots=True)
class Split:
    """1,000 images to learn from and the other 797 to score on."""

    training: Images
    scoring: Images


def load_split(seed: int = 0) -> Split:
    """The bundled images, shuffled by `seed` and split."""
    bundled = cast(Any, datasets).load_digits(return_X_y=True)  # it has no types
    pixels, digits = cast("tuple[NDArray[np.float64], NDArray[np.int64]]", bundled)
    order = np.random.default_rng(seed).permutation(len(digits))
    images = Images(
        torch.tensor(pixels[order] / 16, dtype=torch.float32), torch.tensor(digits[order])
    )
    rows = torch.arange(len(digits))
    return Split(images.at(rows[:TRAINING_IMAGES]), images.at(rows[TRAINING_IMAGES:]))


def train_base(split: Split, seed: int = 0) -> Weights:
    """The base: fresh weights drawn from `seed`, trained on four images of each digit."""
    generator = torch.Generator().manual_seed(seed)
    fresh: dict[str, Tensor] = {}
    for layer in range(LAYERS):
        fan_in, fan_out = SIZES[layer], SIZES[layer + 1]
        noise = torch.randn(fan_out, fan_in, generator=generator)
        fresh[f"layers.{layer}.weight"] = noise * (2 / fan_in) ** 0.5
        fresh[f"layers.{layer}.bias"] = torch.zeros(fan_out)
    images = split.training.first_of_each(BASE_IMAGES_EACH)
    return _trained(fresh, list(fresh), images, BASE_STEPS, BASE_RATE)


def train_expert(base: Weights, split: Split, digits: Iterable[int]) -> Weights:
    """The base trained further on the images of some digits alone, its last layer frozen."""
    names = [name for name in base if not name.startswith(FROZEN)]
    return _trained(base, names, split.training.of(digits), EXPERT_STEPS, EXPERT_RATE)


def _trained(
    weights: Weights, names: Iterable[str], images: Images, steps: int, rate: float
) -> Weights:
    learning = {name: weights[name].clone().requires_grad_() for name in names}
    weights = {**weights, **learning}
    optimizer = torch.optim.Adam(learning.values(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = cross_entropy(scores(weights, images.pixels), images.digits)
        torch.autograd.backward(loss)
        optimizer.step()  # pyright: ignore[reportUnknownMemberType]  # torch leaves `closure` open
    return {name: tensor.detach() for name, tensor in weights.items()}


def scores(weights: Weights, pixels: Tensor) -> Tensor:
    """One score per digit for each image: f32[n,64] to f32[n,10]."""
    x = pixels
    for layer in range(LAYERS):
        x = relu(x) if layer else x
        x = linear(x, weights[f"layers.{layer}.weight"], weights[f"layers.{layer}.bias"])
    return x


def accuracy(weights: Weights, images: Images) -> float:
    """The share of images whose highest score is their digit's."""
    with torch.inference_mode():
        right = scores(weights, images.pixels).argmax(-1) == images.digits
    return right.float().mean().item()


def train_family(split: Split, seed: int = 0) -> dict[str, Weights]:
    """The base and its three experts by name."""
    base = train_base(split, seed)
    experts = {name: train_expert(base, split, digits) for name, digits in EXPERTS.items()}
    return {"base": base, **experts}


def save_family(family: Mapping[str, Weights], folder: Path) -> None:
    """Write each member as a checkpoint folder that mergec takes as a source."""
    for name, weights in family.items():
        write_checkpoint(folder / name, weights, CONFIG, license="apache-2.0", text=CARD_TEXT)
