"""Which merge to try first, from the figures of the parents: a decision table, with its reasons.

The rules stand in the order in which they are asked; the first that fits answers. They say where to
begin, not what is best: that only a benchmark of the child can say.
"""

from collections.abc import Callable, Sequence

from mergec.execute.likeness.kinship import Verdict
from mergec.frozen import frozen

# Cosine of two deltas from which on they are runs of one task.
_SAME_TASK = 0.7
# Norm of a delta, in norms of the base, up to which it counts as small.
_SMALL = 0.05
# Share of entries that a sparse delta changes, at most.
_SPARSE = 0.3
# Share of conflicting entries from which on signs are worth an election.
_CONFLICTS = 0.2
# So many small task vectors can be added before they get into each other's way.
_FEW = 3


@frozen
class Situation:
    """What is known of a base and its `parents`, or of parents without a base (`has_base`).

    `obstacles` say why the weights cannot be combined at all, `moved` how two tokenizers give other
    ids to their tokens. `kinship` is the worst verdict on any
    two of the models, `alignable` whether `weight_match` knows the units of their architecture.
    `sizes` are the norms of the deltas in norms of the base, none for a base of zeros, and
    `changed` the shares of entries that they change; `cosines` and `conflicts` are those of pairs.
    Without a base these are empty.
    """

    parents: int
    has_base: bool
    obstacles: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    kinship: Verdict = "related"
    alignable: bool = False
    sizes: tuple[float, ...] = ()
    changed: tuple[float, ...] = ()
    cosines: tuple[float, ...] = ()
    conflicts: tuple[float, ...] = ()


@frozen
class Advice:
    """What to try first, why, what to try then, and what to avoid.

    `expression` is the child in a spec, of `{base}`, `{parents}`, `{first}`, `{last}`, `{deltas}`,
    and `{steps}`, which are 0.7 of each delta added up; None where weights should not be merged.
    """

    choice: str
    expression: str | None
    reasons: tuple[str, ...]
    then: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()


def advise(situation: Situation) -> Advice:
    """The answer of the first rule that fits."""
    return next(answer for rule in _RULES if (answer := rule(situation)) is not None)


def _other_architectures(it: Situation) -> Advice | None:
    if not it.obstacles:
        return None
    return Advice(
        "distil or route",
        None,
        it.obstacles,
        then=("distil the parents into one model", "route between them, or average their outputs"),
        avoid=("any merge of the weights",),
    )


def _other_tokens(it: Situation) -> Advice | None:
    if not it.moved:
        return None
    return Advice(
        "distil or route",
        None,
        it.moved,
        then=(
            "of fine-tunes of one base: `tokenizer = union(...)`, which merges embeddings by token",
            "distil the parents into one model",
        ),
        avoid=("a merge that adds rows of different tokens",),
    )


def _strangers(it: Situation) -> Advice | None:
    if it.kinship != "unrelated":
        return None
    reason = "the weights point in unrelated directions, as those of separate trainings do"
    if not it.alignable or it.parents + it.has_base != 2:
        return Advice(
            "distil or route",
            None,
            (reason,),
            then=("look for parents with a common ancestor", "distil the parents into one model"),
            avoid=("any average", "task vectors from one to another"),
        )
    other = "{base}" if it.has_base else "{first}"
    return Advice(
        "weight_match, then linear",
        f"weight_match({{last}}, {other}) |> linear({other})",
        (reason, "the units of this architecture are known, so that one can be aligned first"),
        then=("distil one into the other",),
        avoid=("an average without alignment", "task vectors from one to the other"),
    )


def _without_a_base(it: Situation) -> Advice | None:
    if it.has_base:
        return None
    if it.parents == 2:
        return Advice(
            "slerp",
            "slerp({first}, {last}; t=0.5)",
            ("two related models and no base: there is a path between them and no task vector",),
            then=("`norm=polar` if the norms differ", "`t` that depends on the layer"),
            avoid=("`extrapolate=true`",),
        )
    return Advice(
        "karcher",
        "karcher({parents})",
        (f"{it.parents} related models and no base: their mean on the sphere",),
        then=("nlerp", "linear"),
        avoid=("slerp of slerps, which depends on the order",),
    )


def _nothing_learnt(it: Situation) -> Advice | None:
    idle = sum(size == 0 for size in it.sizes)
    if not idle:
        return None
    what = "one parent is" if idle == 1 else f"{idle} parents are"
    return Advice(
        "leave a parent out",
        None,
        (f"{what} equal to the base in every shared weight, so that there is nothing to merge",),
        then=("ask again without it",),
    )


def _one_parent(it: Situation) -> Advice | None:
    if it.parents != 1:
        return None
    return Advice(
        "interpolation",
        "linear({base}, {first})",
        ("one fine-tune and its base: what lies between them is often more robust than either",),
        then=("other `weights`", "a weight that depends on the layer, by `ramp`"),
        avoid=("ties, which has nothing to elect",),
    )


def _same_task(it: Situation) -> Advice | None:
    if not it.cosines or min(it.cosines) <= _SAME_TASK:
        return None
    return Advice(
        "linear",
        "linear({parents})",
        (
            f"the cosine of any two deltas is {min(it.cosines):.2f} or more: runs of one task",
            "an average keeps what they agree on",
        ),
        then=(("model_stock",) if it.parents <= _FEW else ())
        + ("an average with the base, for robustness",),
        avoid=("ties and dare, which take agreement apart",),
    )


def _sparse(it: Situation) -> Advice | None:
    if not it.changed or max(it.changed) >= _SPARSE:
        return None
    return Advice(
        "ram",
        "ram({base}, {parents})",
        (
            f"no delta changes more than {_percent(max(it.changed))} of the entries: "
            "an average would make smaller what only one of them changes",
        ),
        then=("the sum of the task vectors", "stitch"),
        avoid=("an average", "ties, of which the trimming does nothing", "dare at a low density"),
    )


def _small_and_few(it: Situation) -> Advice | None:
    if it.parents > _FEW or not it.sizes or max(it.sizes) > _SMALL:
        return None
    return Advice(
        "sum of task vectors",
        "{base} + {steps}",
        (
            f"{it.parents} task vectors of at most {_percent(max(it.sizes))} of the base's norm",
            f"their cosines are {min(it.cosines):.2f} to {max(it.cosines):.2f}: "
            "small steps that hardly meet can be added",
        ),
        then=("factors from 0.3 to 1", "`lines` on top, to forget less"),
        avoid=("slerp of more than two",),
    )


def _conflicting(it: Situation) -> Advice | None:
    if not it.conflicts or max(it.conflicts) <= _CONFLICTS:
        return None
    conflicts = f"up to {_percent(max(it.conflicts))} of the entries that two deltas change have"
    reasons = [f"{conflicts} opposite signs"]
    if it.sizes:
        reasons.append(f"the largest delta is {_percent(max(it.sizes))} of the base's norm")
    if it.parents > _FEW:
        reasons.append(f"there are {it.parents} deltas")
    many = ("tsvm or iso_c, on the spectra",) if it.parents > _FEW else ()
    return Advice(
        "ties",
        "ties({base}, {parents}; density=0.3)",
        tuple(reasons),
        then=("a density of 0.2 to 0.5", "dare before ties", "della, sce, consensus", *many),
        avoid=("a plain average",),
    )


def _agreeing(it: Situation) -> Advice | None:
    return Advice(
        "average of task vectors",
        "{base} + linear({deltas})",
        ("the deltas neither conflict nor are they the same",),
        then=("a factor before the average, up to 1.3", "ties"),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


_RULES: Sequence[Callable[[Situation], Advice | None]] = (
    _other_architectures,
    _other_tokens,
    _strangers,
    _without_a_base,
    _nothing_learnt,
    _one_parent,
    _same_task,
    _sparse,
    _small_and_few,
    _conflicting,
    _agreeing,
)
