"""What a run says of its numbers: in lineage, on the card, as warnings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mergec.diagnostics import Diagnostic
from mergec.diagnostics.printable import escape
from mergec.execute.numbers import TensorNumbers
from mergec.plan.nonfinite import NumericPolicy

# One in so many elements of a tensor: more that become too small are worth a warning.
_MANY = 10


def numbers_member(numbers: Sequence[TensorNumbers]) -> list[dict[str, Any]]:
    """The counts of each tensor that has any, as lineage has them."""
    return [
        {
            "tensor": found.tensor,
            **({"sources": dict(found.sources)} if found.sources else {}),
            **({"not_finite": found.not_finite} if found.not_finite else {}),
            **({"underflow": found.underflow} if found.underflow else {}),
        }
        for found in numbers
    ]


def numbers_lines(policy: NumericPolicy, numbers: Sequence[TensorNumbers]) -> list[str]:
    """Lines of a list for a model card; none where there is nothing to say."""
    lines = [f"- {_of_sources(odd)}; {done}" for odd, done in _odd(policy, numbers)]
    small = [found for found in numbers if found.underflow]
    if small:
        values = _counted(sum(found.underflow for found in small), "value")
        lines.append(f"- {values} in {_tensors(small)} lost digits for being too small to store")
    return lines


def numbers_warnings(
    policy: NumericPolicy, numbers: Sequence[TensorNumbers]
) -> tuple[Diagnostic, ...]:
    """W804 for sources that are not finite, W805 for tensors of which much became too small."""
    found: list[Diagnostic] = []
    for odd, done in _odd(policy, numbers):
        found.append(
            Diagnostic(
                "W804",
                f"{_of_sources(odd)}",
                None,
                notes=(done, f"such as in `{escape(odd[0].tensor)}`"),
                help=("`mergec run --report` lists the tensors; repair the source if you can",),
            )
        )
    small = [it for it in numbers if it.underflow * _MANY > it.numel]
    if small:
        first = small[0]
        found.append(
            Diagnostic(
                "W805",
                f"{first.underflow} of {first.numel} values of tensor `{escape(first.tensor)}` "
                f"are too small for {first.dtype.word}",
                None,
                notes=(f"so it is in {_tensors(small)}",) if len(small) > 1 else (),
                help=("export a wider dtype, as in `export child { dtype = f32 }`",),
            )
        )
    return tuple(found)


def _of_sources(odd: Iterable[TensorNumbers]) -> str:
    """How many values of each source are not finite; one that serves two tensors counts twice."""
    counts: dict[str, int] = {}
    for found in odd:
        for label, count in found.sources:
            counts[label] = counts.get(label, 0) + count
    said = [f"{_counted(count, 'value')} of `{escape(label)}`" for label, count in counts.items()]
    verb = "is" if sum(counts.values()) == 1 else "are"
    return f"{' and '.join(said)} {verb} NaN or infinite"


def _odd(
    policy: NumericPolicy, numbers: Sequence[TensorNumbers]
) -> Iterator[tuple[Sequence[TensorNumbers], str]]:
    """The tensors whose sources are not all finite, by what was done about that."""
    computed = [found for found in numbers if found.sources and not found.copied]
    copied = [found for found in numbers if found.sources and found.copied]
    if computed:
        base = f"those of `{escape(policy.base)}` stand in their place"
        yield computed, base if policy.word == "base" else "they were computed with"
    if copied:
        yield copied, "they were copied as they are"


def _tensors(found: Sequence[TensorNumbers]) -> str:
    return _counted(len(found), "tensor")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
