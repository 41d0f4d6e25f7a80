"""The merge methods of mergekit 0.1.5: what models they take, and which parameters they read."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from mergec.frozen import frozen

Scope = Literal["shared", "each", "others"]
"""One value for all inputs, one for each of them, or one for each but the base."""


@frozen
class Parameter:
    """A parameter by its name in mergekit; `default` is None where it must be given.

    `word` is mergec's, and empty for one that changes nothing.
    """

    name: str
    word: str
    scope: Scope = "shared"
    default: Fraction | bool | None = None
    required: bool = False

    @property
    def is_bool(self) -> bool:
        """Whether it takes a truth value."""
        return isinstance(self.default, bool)


@frozen
class Method:
    """How many models a method takes, base included, and what it does with a base.

    `others` is the number of models besides the base, where the method counts them.
    """

    name: str
    base: Literal["required", "optional", "ignored"]
    parameters: tuple[Parameter, ...]
    least: int = 1
    most: int | None = None
    others: tuple[int, int | None] = (0, None)
    elects: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this name, if the method has it."""
        return next((each for each in self.parameters if each.name == name), None)


def _number(name: str, word: str, default: str | None, scope: Scope = "shared") -> Parameter:
    value = None if default is None else Fraction(default)
    return Parameter(name, word, scope, value, required=default is None)


def _flag(name: str, word: str, default: bool) -> Parameter:
    return Parameter(name, word, "shared", default)


_INT8 = _flag("int8_mask", "", False)
_WEIGHT = _number("weight", "weights", None, "others")
_EACH_WEIGHT = _number("weight", "weights", None, "each")
_T = _number("t", "t", None)


def _task_vectors(
    name: str, *, normalize: bool, rescale: bool, more: str = "", elects: bool = False
) -> Method:
    """A method that sums weighted task vectors, made sparse by some rule, perhaps by election."""
    plain = name == "task_arithmetic"
    parameters = [
        _WEIGHT,
        _number("density", "" if plain else "density", "1", "others"),
        _number("lambda", "scale", "1"),
        _flag("normalize", "agg" if elects else "normalize", normalize),
        _flag("rescale", "" if plain else "rescale", rescale),
        _INT8,
    ]
    if more == "gamma":
        parameters.append(_number("gamma", "gamma", "0.01", "others"))
    if more == "epsilon":
        parameters.append(_number("epsilon", "epsilon", "0.15", "others"))
    return Method(name, "required", tuple(parameters), elects=elects)


_ALL = (
    Method("linear", "ignored", (_EACH_WEIGHT, _flag("normalize", "normalize", True))),
    Method("slerp", "required", (_T,), least=2, most=2),
    Method(
        "nuslerp",
        "optional",
        (
            _WEIGHT,
            _flag("nuslerp_row_wise", "axis", False),
            _flag("nuslerp_flatten", "axis", True),
        ),
        others=(2, 2),
    ),
    Method(
        "multislerp",
        "optional",
        (_WEIGHT, _flag("normalize_weights", "", True), _number("eps", "", "1e-8")),
        others=(1, None),
    ),
    Method(
        "karcher", "ignored", (_number("max_iter", "max_iter", "10"), _number("tol", "tol", "1e-5"))
    ),
    _task_vectors("task_arithmetic", normalize=False, rescale=False),
    _task_vectors("ties", normalize=True, rescale=False, elects=True),
    _task_vectors("dare_linear", normalize=False, rescale=True),
    _task_vectors("dare_ties", normalize=False, rescale=True, elects=True),
    _task_vectors("breadcrumbs", normalize=False, rescale=False, more="gamma"),
    _task_vectors("breadcrumbs_ties", normalize=False, rescale=False, more="gamma", elects=True),
    _task_vectors("della", normalize=True, rescale=True, more="epsilon", elects=True),
    _task_vectors("della_linear", normalize=False, rescale=True, more="epsilon"),
    Method("sce", "required", (_number("select_topk", "tau", "1"), _INT8)),
    Method("model_stock", "required", (_flag("filter_wise", "scope", False),), least=3),
    Method("nearswap", "required", (_number("t", "limit", None),), least=2, most=2),
    Method("arcee_fusion", "required", (), least=2, most=2),
    Method("ram", "required", (_number("epsilon", "epsilon", "1e-5"),)),
    Method(
        "ramplus_tl",
        "required",
        (
            _number("r", "r", "0.1"),
            _number("alpha", "alpha", "0.2"),
            _number("epsilon", "epsilon", "1e-5"),
        ),
    ),
    Method("passthrough", "ignored", (_number("scale", "scale", "1", "each"),), most=1),
)

METHODS: Mapping[str, Method] = {method.name: method for method in _ALL}
RANDOM = ("dare_linear", "dare_ties", "della", "della_linear")
"""Methods that draw masks."""

ANY_PARAMETER = tuple(dict.fromkeys(each.name for method in _ALL for each in method.parameters))
"""The parameters that some method reads."""
