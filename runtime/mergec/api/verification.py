"""Checkpoints to verdicts: what `mergec verify` does."""

from collections.abc import Callable, Mapping
from pathlib import Path

from mergec.verify import Sample, Verdict, against_all, verify, verify_all

Progress = Callable[[int], None]


def verify_result(
    target: Path,
    *,
    replay: Sample | None = None,
    root: Path | None = None,
    progress: Progress = lambda _: None,
) -> Verdict:
    """Check a finished checkpoint's digests, and with `replay` recompute its tensors."""
    return verify(target, replay, root, progress)


def verify_results(
    target: Path,
    *,
    replay: Sample | None = None,
    root: Path | None = None,
    progress: Progress = lambda _: None,
    against: Path | None = None,
) -> Mapping[str, Verdict]:
    """The same for every checkpoint of a run with several exports, by folder.

    The folder of a checkpoint that is `target` itself is the empty text. What is the same, but not
    as the folder `against` has it, has failed too.
    """
    verdicts = verify_all(target, replay, root, progress)
    return verdicts if against is None else against_all(verdicts, target, against)
