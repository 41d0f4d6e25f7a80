"""Which tensors: roles, layer ranges and name patterns, combined, and decided name by name."""

from mergec.catalog.architecture import TensorPlace
from mergec.catalog.glob import glob_matches
from mergec.frozen import frozen


@frozen
class Position:
    """A tensor of some value: its name, where it belongs, and how many layers the value has."""

    name: str
    place: TensorPlace
    layers: int


@frozen
class HasRole:
    """The tensors of one role, such as `attn`."""

    role: str


@frozen
class InLayers:
    """The tensors in layers `lo` to `hi`, half-open; None is an open end."""

    lo: int | None
    hi: int | None


@frozen
class NameLike:
    """The tensors whose name fits a pattern with `*` and `?`."""

    pattern: str


@frozen
class NotThose:
    """The tensors that `inner` does not select."""

    inner: "TensorSelector"


@frozen
class AllOf:
    """The tensors that both select."""

    left: "TensorSelector"
    right: "TensorSelector"


@frozen
class AnyOf:
    """The tensors that one of the two selects."""

    left: "TensorSelector"
    right: "TensorSelector"


TensorSelector = HasRole | InLayers | NameLike | NotThose | AllOf | AnyOf


def selects(selector: TensorSelector, at: Position) -> bool:
    """Whether `selector` selects the tensor at `at`."""
    match selector:
        case HasRole():
            return selector.role in at.place.roles
        case InLayers():
            layer = at.place.layer
            low, high = selector.lo or 0, selector.hi
            return layer is not None and low <= layer and (high is None or layer < high)
        case NameLike():
            return glob_matches(selector.pattern, at.name)
        case NotThose():
            return not selects(selector.inner, at)
        case AllOf():
            return selects(selector.left, at) and selects(selector.right, at)
        case AnyOf():
            return selects(selector.left, at) or selects(selector.right, at)


def print_selector(selector: TensorSelector) -> str:
    """As in a spec, with the fewest brackets: `layers(0..8) & (attn | mlp)`."""
    match selector:
        case HasRole():
            return selector.role
        case InLayers():
            return f"layers({print_range(selector.lo, selector.hi)})"
        case NameLike():
            text = selector.pattern.replace("\\", "\\\\").replace('"', '\\"')
            return '"{}"'.format(text.replace("\n", "\\n").replace("\t", "\\t"))
        case NotThose():
            return f"!{_bracketed(selector.inner, AllOf, AnyOf)}"
        case AllOf():
            right = _bracketed(selector.right, AllOf, AnyOf)
            return f"{_bracketed(selector.left, AnyOf)} & {right}"
        case AnyOf():
            return f"{print_selector(selector.left)} | {_bracketed(selector.right, AnyOf)}"


def print_range(lo: int | None, hi: int | None) -> str:
    """A layer range as in a spec: `0..8`, `24..`."""
    return f"{'' if lo is None else lo}..{'' if hi is None else hi}"


def _bracketed(selector: TensorSelector, *looser: type[object]) -> str:
    text = print_selector(selector)
    return f"({text})" if isinstance(selector, looser) else text
