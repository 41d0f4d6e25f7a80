"""Parents looked at, and a merge to begin with: what `mergec advise` does."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from mergec.api.comparison import require_models
from mergec.api.opening import open_references
from mergec.api.starter import Starter, name_sources
from mergec.backends import default_backend, get_backend, self_test
from mergec.catalog import Checkpoint, describe
from mergec.catalog.quoted import counted, quoted
from mergec.catalog.tokenizer_differences import differences
from mergec.diagnostics import Diagnostic, escape
from mergec.execute.likeness import Comparison, DeltaFigures, Side, compare
from mergec.execute.likeness.advice import Advice, Situation, advise
from mergec.execute.likeness.kinship import Verdict
from mergec.frozen import frozen
from mergec.plan import default_threads
from mergec.plan.known_tokenizers import KnownTokenizers
from mergec.shards.fetch import absent_shards, fetch

# All pairs of so many parents are compared; of more, each with the next.
_ALL_PAIRS = 4
# Share of a model's parameters that the other must have too.
_SHARED = 0.5
_WORST: Sequence[Verdict] = ("unrelated", "unclear", "unknown", "related")


@frozen
class Advised:
    """The advice with what it is about; `names` are those of the references in the spec."""

    references: Mapping[str, str]
    situation: Situation
    advice: Advice
    spec: str | None
    warnings: tuple[Diagnostic, ...]


def advise_merge(
    parents: Sequence[str],
    base: str | None = None,
    *,
    folder: str = ".",
    backend: str | None = None,
    threads: int | None = None,
    begin: Callable[[int], Callable[[int], None]] = lambda _: lambda _: None,
) -> Advised:
    """Compare `parents`, by their deltas from `base` if there is one, and say what to try first.

    References are written as in a spec. The starter spec is for a file in `folder`. `begin` is
    called once for all comparisons, as in `compare_checkpoints`, which says what is raised.
    """
    references = [*([base] if base is not None else []), *parents]
    numbered = dict(enumerate(references))
    opened, warnings = open_references(numbered)
    require_models(numbered, opened)
    library = get_backend(backend or default_backend())
    self_test(library)
    models = [opened[n] for n in range(len(opened))]
    pairs = _pairs(len(parents))
    trios = [_sides(models, pair, has_base=base is not None) for pair in pairs]
    total = sum(e.nbytes for trio in trios for it in trio.values() for e in it.tensors.values())
    absent = absent_shards(opened.values())
    progress = begin(total + sum(file.size for file in absent))
    fetch(absent, progress)
    found = [
        compare(trio, library, threads=threads or default_threads(), progress=progress)
        for trio in trios
    ]
    situation = _situation(models, dict(zip(pairs, found, strict=True)), has_base=base is not None)
    advice = advise(situation)
    names = name_sources(references, has_base=base is not None)
    spec = None
    if advice.expression is not None:
        starter = Starter(dict(zip(names, models, strict=True)), names, base is not None, folder)
        spec, kept = starter.write(advice.expression)
        if kept:
            advice = replace(advice, reasons=(*advice.reasons, kept))
    return Advised(names, situation, advice, spec, warnings)


def _pairs(parents: int) -> list[tuple[int, int]]:
    if parents == 1:  # its delta is that of both
        return [(0, 0)]
    if parents > _ALL_PAIRS:
        return [(n, (n + 1) % parents) for n in range(parents)]
    return [*combinations(range(parents), 2)]


def _sides(
    models: Sequence[Checkpoint], pair: tuple[int, int], *, has_base: bool
) -> dict[Side, Checkpoint]:
    a, b = (models[n + has_base] for n in pair)
    sides: dict[Side, Checkpoint] = {"a": a, "b": b}
    return {**sides, "base": models[0]} if has_base else sides


def _situation(
    models: Sequence[Checkpoint],
    found: Mapping[tuple[int, int], Comparison],
    *,
    has_base: bool,
) -> Situation:
    wholes: list[DeltaFigures] = []
    sizes: dict[int, float | None] = {}
    zeros: dict[int, float | None] = {}
    for (a, b), each in found.items():
        whole = each.whole
        if isinstance(whole, DeltaFigures):
            wholes.append(whole)
            sizes |= {a: whole.relative_a, b: whole.relative_b}
            zeros |= {a: whole.zeros_a, b: whole.zeros_b}
    verdicts = [it.verdict for each in found.values() for it in each.kinships.values()]
    worst: list[Verdict] = [word for word in _WORST if word in verdicts]
    units = describe(models[0].tensors.keys(), models[0].config).units
    return Situation(
        parents=len(models) - has_base,
        has_base=has_base,
        obstacles=tuple(dict.fromkeys(_obstacles(found.values()))),
        moved=tuple(dict.fromkeys(_moved_tokens(models))),
        kinship=worst[0] if worst else "unknown",
        alignable=bool(units),
        sizes=tuple(size for size in sizes.values() if size is not None),
        changed=tuple(1 - share for share in zeros.values() if share is not None),
        cosines=tuple(it.cosine for it in wholes if it.cosine is not None),
        conflicts=tuple(it.conflicts for it in wholes if it.conflicts is not None),
    )


def _moved_tokens(models: Sequence[Checkpoint]) -> Iterator[str]:
    """How tokenizers give other ids to their tokens than the first that can be read."""
    known = KnownTokenizers({str(n): model for n, model in enumerate(models)})
    read = {label: known.readable(label) for label in known.checkpoints}
    first = next((label for label, it in read.items() if it is not None), "")
    for label, it in read.items():
        one = read.get(first)
        if one is None or it is None or known.alike(first, label):
            continue
        if moved := differences(one, it).moved:
            number, mine, theirs = moved[0]
            yield (
                f"{counted(len(moved), 'id')} of the tokenizers stand for other tokens: {number} is"
                f" {quoted(mine)} and {quoted(theirs)}"
            )


def _obstacles(found: Iterable[Comparison]) -> Iterator[str]:
    for each in found:
        types = [(model.config or {}).get("model_type") for model in each.checkpoints.values()]
        known = sorted({name for name in types if isinstance(name, str)})
        if len(known) > 1:
            listed = " and ".join(f"`{escape(name)}`" for name in known)
            yield f"the architectures are {listed}"
        for together in each.pairing.reshaped[:1]:
            shapes = {entry.describe(): None for entry in together.entries.values()}
            yield f"`{escape(together.name)}` is {' and '.join(shapes)}"
        shared = sum(it.entries["a"].numel for it in each.pairing.shared)
        most = max(
            sum(entry.numel for entry in model.tensors.values())
            for model in each.checkpoints.values()
        )
        if shared < _SHARED * most:
            yield f"only {100 * shared / most:.3g} % of the parameters have a counterpart"
