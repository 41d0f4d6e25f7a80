"""The verdict on a finished checkpoint. Without a replay the standard library is all it takes."""

from collections.abc import Callable
from pathlib import Path

from mergec.catalog.sample import ALL, Sample
from mergec.diagnostics import Diagnostic, MergecError
from mergec.verify.integrity import check_integrity, open_result
from mergec.verify.verdict import State, Verdict

Progress = Callable[[int], None]


def verify(
    target: Path,
    sample: Sample | None = None,
    root: Path | None = None,
    progress: Progress = lambda _: None,
) -> Verdict:
    """The verdict on a finished checkpoint: its digests, and with `sample` a replay.

    `root` is the folder that the spec's references start at; by default the
    nearest folder around the checkpoint, or around the working folder, where they lead somewhere.
    Raises E811.
    """
    try:
        result = open_result(target)
    except MergecError as error:
        if error.diagnostics[0].code != "E812":
            raise
        return Verdict(State.FAILED, 0, 0, error.diagnostics)
    findings = check_integrity(result)
    unhashed = len(result.digests()) - result.hashed
    if findings:
        return Verdict(State.FAILED, result.hashed, 0, findings)
    if unhashed and sample != ALL:
        return Verdict(State.INCONCLUSIVE, result.hashed, 0, (_without_digests(unhashed),))
    if sample is None:
        return Verdict(State.VERIFIED, result.hashed, 0, ())
    from mergec.verify.replay import replay  # what computes, and only if it is to

    return replay(target, result, sample, root, progress)


def _without_digests(unhashed: int) -> Diagnostic:
    return Diagnostic(
        "E812",
        f"the run took no digests of {unhashed} tensors, so their bytes are compared with nothing",
        None,
        help=("recompute them all with `--replay full`",),
    )
