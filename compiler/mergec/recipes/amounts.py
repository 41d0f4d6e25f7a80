"""Parameters that differ from tensor to tensor, as numbers of a spec.

mergekit asks the levels of settings in turn, and in each takes the first filter that is part of
the tensor's name. A gradient runs over the layers of a slice; the embeddings, the final norm and
the head have its first value, the only layer of a slice the last.
"""

from fractions import Fraction

from mergec.elaborate.print_number import rational
from mergec.frozen import frozen
from mergec.syntax.literals import string_text
from mergec.syntax.one_line import one_line


@frozen
class Piece:
    """The values for tensors whose name holds `filter`, None for all that are left."""

    filter: str | None
    points: tuple[Fraction, ...]

    @property
    def is_flat(self) -> bool:
        """Whether it is one value."""
        return len({*self.points}) == 1

    @property
    def stays_inside(self) -> bool:
        """Whether no tensor outside the layers has such a name."""
        return self.filter in _INSIDE

    @property
    def splits_ends(self) -> bool:
        """Whether tensors behind the layers have another value than the last layer."""
        return self.points[0] != self.points[-1] and not self.stays_inside


# Parts of the names of tensors that layers alone have, as recipes filter by them.
_INSIDE = (
    *("self_attn", "attn", "attention", "self_attention", "mlp", "ffn", "feed_forward"),
    *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv_proj"),
    *("input_layernorm", "post_attention_layernorm", "block_sparse_moe", "experts", "layers."),
)

Amount = tuple[Piece, ...]
"""The first piece that fits decides; a tensor that none fits has no value."""


def constant(amount: Amount) -> Fraction | None:
    """The one value that all tensors have, if there is one for all."""
    ended = any(piece.filter is None for piece in amount)
    values = {value for piece in amount for value in piece.points}
    return values.pop() if ended and len(values) == 1 else None


def fixed(value: Fraction | int) -> Amount:
    """The same for every tensor."""
    return (Piece(None, (Fraction(value),)),)


def amount_text(amount: Amount, *, layers: int | None = None, ends: bool = True) -> str:
    """A number of a spec.

    `layers` is how many there are, if that is known; `ends` says whether tensors behind the layers
    are computed with it.
    """
    value = constant(amount)
    if value is not None:
        return number_text(value)
    texts = [(piece.filter, _text(piece, layers, ends=ends)) for piece in amount]
    if texts[0][0] is None:
        return texts[0][1]
    arms = [
        f"{'else' if which is None else string_text(f'*{which}*')} => {text}"
        for which, text in texts
    ]
    return f"match {{ {', '.join(arms)} }}"


def number_text(value: Fraction) -> str:
    """An exact number."""
    return one_line(rational(value))


def _text(piece: Piece, layers: int | None, *, ends: bool) -> str:
    first, last = piece.points[0], piece.points[-1]
    if piece.is_flat or (layers == 1 and not piece.splits_ends):
        return number_text(last)
    shown = ", ".join(map(number_text, piece.points))
    inner = number_text(last) if layers == 1 else f"ramp({shown})"
    if not piece.splits_ends or not (ends or layers == 1):
        return inner
    return f"match {{ layers(0..) => {inner}, else => {number_text(first)} }}"
