"""What a low-rank adapter changes in a model, as its files say it."""

from collections.abc import Mapping
from fractions import Fraction

from mergec.frozen import frozen

CONFIG = "adapter_config.json"
"""The file that says how the tensors of an adapter are meant."""

WEIGHTS = "adapter_model.safetensors"
"""The file that holds them."""


@frozen
class Factors:
    """A tensor changes by `scale` · B·A; `a` and `b` name the factors in the adapter's file.

    A is [rank, in] and B [out, rank]. `turned` says that the tensor is [in, out], and changes by
    (B·A)ᵀ. Of an embedding the file may hold the whole tensor too, which it then changes `onto`.
    """

    a: str
    b: str
    scale: Fraction
    turned: bool
    onto: str | None = None

    @property
    def tensor(self) -> str:
        """One of its tensors, for messages."""
        return self.a


@frozen
class Step:
    """A tensor changes by `scale` times the adapter's tensor, as where a bias was learned for B."""

    tensor: str
    scale: Fraction


@frozen
class Replacement:
    """A tensor becomes that of the adapter: of a layer that was trained whole, or a bias."""

    tensor: str


@frozen
class Dora:
    """A tensor W becomes m·(W + Δ) / ‖W + Δ‖, where Δ is the change by `factors`.

    Norms are those of what leads to one output, and `magnitudes` names the tensor of m, which has
    one number for each.
    """

    factors: Factors
    magnitudes: str

    @property
    def tensor(self) -> str:
        """One of its tensors, for messages."""
        return self.magnitudes


Part = Factors | Step | Replacement | Dora


@frozen
class Adapter:
    """What an adapter changes, by the names that the tensors have in the model it was trained on.

    `base` is what that model was called where it was trained, if the adapter says it.
    """

    parts: Mapping[str, Part]
    base: str | None
