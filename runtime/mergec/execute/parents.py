"""What only the weights of the parents can say, asked before the first tensor is merged."""

from collections.abc import Iterator, Mapping, Sequence

from mergec.backends import Backend
from mergec.diagnostics import Diagnostic, MergecError, escape
from mergec.execute.likeness.kinship import Kinship, judge
from mergec.plan import Plan
from mergec.plan.model import Kin, PlanSource, TiedCopy
from mergec.shards import SourceReader

_STEP = 1 << 20
_SHOWN = 3


def require_parents(plan: Plan, readers: Mapping[str, SourceReader], backend: Backend) -> None:
    """Refuse parents that do not belong together; MergecError with all of E425 and E821.

    Of each two models that are merged a few megabytes are read, and of a head that should be an
    embedding both tensors, in blocks.
    """
    sources = {source.decl.label: source for source in plan.sources}
    found = [
        *_differing_heads(plan.copies, sources, readers),
        *_strangers(plan.kin, sources, readers, backend),
    ]
    if found:
        raise MergecError(found)


def _differing_heads(
    copies: Sequence[TiedCopy],
    sources: Mapping[str, PlanSource],
    readers: Mapping[str, SourceReader],
) -> Iterator[Diagnostic]:
    for copy in copies:
        if not _equal(copy, readers[copy.label]):
            yield _other_head(copy, sources[copy.label])


def _equal(copy: TiedCopy, reader: SourceReader) -> bool:
    head, table = copy.head, copy.table
    if (head.dtype, head.shape) != (table.dtype, table.shape):
        return False
    ours, theirs = bytearray(_STEP), bytearray(_STEP)
    for start in range(0, head.nbytes, _STEP):
        size = min(_STEP, head.nbytes - start)
        reader.read_into(head, start, memoryview(ours)[:size])
        reader.read_into(table, start, memoryview(theirs)[:size])
        if ours[:size] != theirs[:size]:
            return False
    return True


def _other_head(copy: TiedCopy, source: PlanSource) -> Diagnostic:
    head, table = f"`{escape(copy.head.name)}`", f"`{escape(copy.table.name)}`"
    return Diagnostic(
        "E425",
        f"config.json of `{escape(source.decl.ref)}` ties the head to the embedding, "
        f"and {head} differs from {table}",
        source.decl.span,
        "two heads, of which one is meant",
        notes=("some loaders take the tensor and some the embedding",),
        help=(
            f'if {head} is the head, write `"tie_word_embeddings": false` in config.json',
            f"if the embedding is, remove {head} from the file",
        ),
    )


def _strangers(
    kin: Sequence[Kin],
    sources: Mapping[str, PlanSource],
    readers: Mapping[str, SourceReader],
    backend: Backend,
) -> Iterator[Diagnostic]:
    for asked in kin:
        one, other = asked.labels
        seen = judge(asked.pairs, readers[one], readers[other], backend)
        if seen.verdict == "unrelated":
            yield _unrelated(asked, seen, sources[one].decl.ref, sources[other].decl.ref)


def _unrelated(asked: Kin, seen: Kinship, one: str, other: str) -> Diagnostic:
    count = len(seen.cosines)
    sampled = f"{count} sampled matrices" if count != 1 else "the one sampled matrix"
    shown = [f"`{escape(name)}` {cosine:.2f}" for name, cosine in seen.cosines.items()][:_SHOWN]
    more = f", and {count - _SHOWN} more" if count > _SHOWN else ""
    return Diagnostic(
        "E821",
        f"`{escape(one)}` and `{escape(other)}` are merged and seem to have no common ancestor",
        asked.span,
        "a stranger to the other",
        labels=asked.marks,
        notes=(
            f"the median cosine of {sampled} is {seen.cosine or 0:.2f}; between a model and its "
            "fine-tunes it is near 1",
            f"they are {', '.join(shown)}{more}",
        ),
        help=(
            "merge models with a common ancestor, or align these first with `weight_match`",
            "if it is meant, write `# mergec: allow W705 because ...` above this statement",
        ),
    )
