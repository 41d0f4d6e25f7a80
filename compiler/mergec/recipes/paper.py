"""Calls of mergec's own operators in place of mergekit's methods, and what that changes."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mergec.diagnostics import Diagnostic
from mergec.recipes.amounts import constant, fixed, number_text
from mergec.recipes.calls import Written, at_most_one, joined, not_rescaled, per_input, write_call
from mergec.recipes.recipe import Input

# The sparsifier that a method applies to each task vector.
_SPARSE = {
    **{"dare_linear": "dare", "dare_ties": "dare", "della": "della", "della_linear": "della"},
    **{"breadcrumbs": "breadcrumbs", "breadcrumbs_ties": "breadcrumbs"},
}
# Methods whose numbers differ little or not at all, by the operator that computes them.
_SAME = {"multislerp": "nlerp", "ramplus_tl": "ram"}
_DARE = "what is kept is divided by the density; mergekit restores the sum of magnitudes instead"
_TIED = "where votes for both signs tie, nothing is taken; mergekit takes what is positive"
_MEAN = "entries that agree are averaged; mergekit sums them unless `normalize: true`"
_CHANGES: Mapping[str, Sequence[str]] = {
    "slerp": ("the arc is followed at every angle; mergekit takes the chord for near parallels",),
    "ties": (_TIED,),
    "dare_linear": (_DARE,),
    "dare_ties": (_DARE, _TIED, _MEAN),
    "della": (
        "each entry that is kept is divided by its own probability; mergekit uses one factor",
        _TIED,
    ),
    "della_linear": (
        "each entry that is kept is divided by its own probability; mergekit uses one factor",
    ),
    "breadcrumbs_ties": (_TIED, _MEAN),
    "sce": (_TIED,),
    "model_stock": ("the ratio stays within 0 and 1; mergekit's may move away from the models",),
    "karcher": ("the mean is iterated until it settles; mergekit stops after ten steps",),
}


def write_paper_call(call: Written) -> str:
    """The expression of one slice, in operators that need no library; W909 for what changes."""
    for message in _CHANGES.get(call.method.name, ()):
        hint = "for mergekit's numbers import without `--paper`"
        found = Diagnostic("W909", message, call.values.lookup.method_span, help=(hint,))
        call.reader.report(found)
    if call.values.group.base is not None and call.values.group.others:
        if call.method.elects:
            return _elected(call)
        if call.method.parameter("lambda") is not None:
            return _summed(call)
    name = call.method.name
    text = write_call(call).replace(f"mk.{name}(", f"{_SAME.get(name, name)}(")
    if name == "ramplus_tl":
        return _boosted(call, text)
    return text.removesuffix(")") + ", extrapolate=true)" if _beyond(call) else text


def _boosted(call: Written, text: str) -> str:
    """`ram`, which boosts nothing by default."""
    missing = [
        f"{name}={number_text(Fraction(call.parameter(name).default or 0))}"
        for name in ("r", "alpha")
        if call.values.one(call.parameter(name)) is None
    ]
    if not missing or not call.values.group.others:
        return text
    mark = ", " if ";" in text else "; "
    return f"{text.removesuffix(')')}{mark}{', '.join(missing)})"


def _beyond(call: Written) -> bool:
    """Whether `t` of a `slerp` leaves the arc between the models."""
    if call.method.name != "slerp":
        return False
    amount = call.values.one(call.parameter("t")) or ()
    return any(not 0 <= value <= 1 for piece in amount for value in piece.points)


def _elected(call: Written) -> str:
    """`ties(base, ...)`, over task vectors that were made sparse unless it trims them itself."""
    inputs = call.values.group.others
    trimmed = "trim" if _rescales(call) and call.method.name == "ties" else None
    sparse = _SPARSE.get(call.method.name, trimmed)
    keywords = ["density=1"] if sparse else _trimming(call, inputs)
    keywords += per_input(call, call.parameter("weight"))
    given = call.values.lookup.truth(call.parameter("normalize"), call.values.shared)
    keywords += ["agg=sum"] if given is False else []
    keywords += _scale(call)
    operands = [_sparse(call, each, sparse) for each in inputs]
    base = call.values.group.base
    assert base is not None
    return joined("ties", [call.values.operand(base), *operands], keywords)


def _trimming(call: Written, inputs: Sequence[Input]) -> list[str]:
    """The density of `ties`, which has another default than mergekit's."""
    amounts = call.values.each(call.parameter("density"), inputs) or [fixed(1)]
    kept = [at_most_one(amount) for amount in amounts]
    return [f"density={call.values.listed(kept, 'density', inputs)}"]


def _summed(call: Written) -> str:
    """`base + linear(...)` of task vectors, made sparse by the rule of the method."""
    inputs = call.values.group.others
    sparse = _SPARSE.get(call.method.name)
    base = call.values.group.base
    assert base is not None
    normalize = call.values.truth(call.parameter("normalize"))
    keywords = per_input(call, call.parameter("weight"))
    keywords += [] if normalize else ["normalize=false"]
    operands = [_sparse(call, each, sparse, lone=True) for each in inputs]
    scale = _scale(call)
    factor = f"{scale[0].partition('=')[2]}*" if scale else ""
    return f"{call.values.operand(base)} + {factor}{joined('linear', operands, keywords)}"


def _sparse(call: Written, each: Input, sparse: str | None, *, lone: bool = False) -> str:
    """A task vector, or its model where the operator subtracts the base by itself."""
    base = call.values.group.base
    assert base is not None
    delta = f"{call.values.operand(each)} - {call.values.operand(base)}"
    if sparse is None:
        return delta if lone else call.values.operand(each)
    keywords: list[str] = []
    for name in ("density", "gamma", "epsilon"):
        parameter = call.method.parameter(name)
        if parameter is None:
            continue
        amounts = call.values.each(parameter, (each,))
        amount = amounts[0] if amounts else fixed(parameter.default or 0)
        amount = at_most_one(amount) if name == "density" else amount
        if name == "density" and constant(amount) == 1:
            return delta if lone else call.values.operand(each)
        keywords.append(f"{name}={call.values.text(amount, name)}")
    rescale = _rescales(call)
    if rescale and sparse == "breadcrumbs":
        raise not_rescaled(call)
    if rescale and sparse == "trim":
        keywords.append("rescale=l1")
    elif rescale is False and sparse in ("dare", "della"):
        keywords.append("rescale=none")
    return joined(sparse, [delta], keywords)


def _rescales(call: Written) -> bool | None:
    """Whether the recipe says that what is kept is rescaled; None where it does not say."""
    return call.values.lookup.truth(call.parameter("rescale"), call.values.shared)


def _scale(call: Written) -> list[str]:
    amount = call.values.one(call.parameter("lambda"))
    if amount is None or constant(amount) == 1:
        return []
    return [f"scale={call.values.text(amount, 'scale')}"]
