"""Two checkpoints side by side: what `mergec compare` does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from mergec.api.opening import open_references
from mergec.backends import default_backend, get_backend, self_test
from mergec.catalog import Checkpoint
from mergec.diagnostics import Diagnostic, escape, fail
from mergec.execute.likeness import Comparison, Kinship, Side, compare
from mergec.frozen import frozen
from mergec.plan import default_threads
from mergec.shards.fetch import absent_shards, fetch

K = TypeVar("K")


@frozen
class Compared:
    """How two checkpoints compare, with the references by which they were named."""

    references: Mapping[Side, str]
    result: Comparison
    warnings: tuple[Diagnostic, ...]


def compare_checkpoints(
    a: str,
    b: str,
    base: str | None = None,
    *,
    backend: str | None = None,
    threads: int | None = None,
    begin: Callable[[int], Callable[[int], None]] = lambda _: lambda _: None,
) -> Compared:
    """Compare two checkpoints tensor by tensor; with a `base`, their deltas from it.

    References are written as in a spec. Every tensor is read once, in blocks, by `threads` threads;
    the figures depend on neither, nor on the backend. `begin` takes the bytes that there are and
    gives what takes the bytes just read. Raises E302 for a delta beside a base, E603 for a backend
    that is not there, E7xx and E8xx for files that cannot be read.
    """
    references: dict[Side, str] = {"a": a, "b": b}
    if base is not None:
        references["base"] = base
    checkpoints, warnings = open_references(references)
    if base is not None:
        require_models(references, checkpoints)
    library = get_backend(backend or default_backend())
    self_test(library)
    absent = absent_shards(checkpoints.values())
    total = sum(e.nbytes for each in checkpoints.values() for e in each.tensors.values())
    progress = begin(total + sum(file.size for file in absent))
    fetch(absent, progress)
    result = compare(checkpoints, library, threads=threads or default_threads(), progress=progress)
    strangers = _strangers(references, result.kinships)
    return Compared(references, result, tuple(dict.fromkeys((*warnings, *strangers))))


def require_models(references: Mapping[K, str], checkpoints: Mapping[K, Checkpoint]) -> None:
    """E302 where one of them is a delta."""
    for side, checkpoint in checkpoints.items():
        if any("mergec.kind" in shard.metadata for shard in checkpoint.shards):
            raise fail(
                "E302",
                f"`{escape(references[side])}` is a delta that mergec wrote, not a model",
                help="name the model; two deltas can be compared with each other, without a base",
            )


def _strangers(
    references: Mapping[Side, str], kinships: Mapping[tuple[Side, Side], Kinship]
) -> Iterator[Diagnostic]:
    for (one, other), kinship in kinships.items():
        if kinship.verdict == "unrelated":
            yield unrelated((references[one], references[other]), kinship)


def unrelated(references: Sequence[str], kinship: Kinship) -> Diagnostic:
    """W705: two checkpoints fit and seem to have no common ancestor."""
    one, other = (f"`{escape(reference)}`" for reference in references)
    count = len(kinship.cosines)
    sampled = f"{count} sampled matrices" if count != 1 else "the one sampled matrix"
    return Diagnostic(
        "W705",
        f"{one} and {other} have tensors of the same names and shapes and seem to be unrelated",
        None,
        notes=(
            f"the median cosine of {sampled} is {kinship.cosine or 0:.2f}; between a model and "
            "its fine-tunes it is near 1",
        ),
        help=(
            "do not average them, nor take one for the base of the other: "
            "look for parents with a common ancestor, or align them first with `weight_match`",
        ),
    )
