"""Where a run writes: a new folder, or what another run left to go on with."""

from collections.abc import Sequence
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.execute.fingerprint import Fingerprint, differs
from mergec.frozen import frozen
from mergec.shards import CheckpointWriter, Files, Partial, partials, resume_writer
from mergec.shards.partials import require_alone
from mergec.shards.targets import Layouts


@frozen
class Place:
    """The target, what is to lie in it, and the folders and files that must not be touched.

    `other_bytes` is what comes beside the weights; with `replace` a result may be there already.
    """

    target: Path
    layouts: Layouts
    sources: Sequence[Path]
    other_bytes: int
    replace: bool = False


def open_writer(
    place: Place, header: Fingerprint | None, files: Files, *, resume: bool
) -> CheckpointWriter:
    """The writer of a run whose bytes depend on `header`; without one nothing can be resumed.

    Raises what making a writer does, and with `resume` E852 if nothing is there to go on with and
    E851 if that was another run.
    """
    if not resume:
        return CheckpointWriter.create(
            place.target,
            place.layouts,
            place.sources,
            files,
            other_bytes=place.other_bytes,
            hashed=header is not None,
            header=header,
            replace=place.replace,
        )
    if header is None:
        raise ValueError("without digests nothing can be resumed")
    partial = _to_resume(place.target, header, files)
    return resume_writer(
        partial,
        place.target,
        place.layouts,
        place.sources,
        files,
        other_bytes=place.other_bytes,
        replace=place.replace,
    )


def _to_resume(target: Path, header: Fingerprint, files: Files) -> Partial:
    """The folder that has most, of those that such a run left."""
    require_alone(target, files)
    # Read once: a device that fails the second time would give another answer.
    found = [(lines, each) for each in partials(target, files) if (lines := each.read(files).lines)]
    if not found:
        raise _nothing(target, files)
    found.sort(key=lambda one: len(one[0]))
    same = [each for lines, each in found if lines[0] == header]
    if not same:
        lines, latest = found[-1]
        raise differs(lines[0], header, latest.path)
    return same[-1]


def _nothing(target: Path, files: Files) -> MergecError:
    try:
        files.stat(target, follow=False)
        notes = (f"{quoted(target)} exists: the run that made it was finished",)
        hint = "leave it as it is, or name another output"
    except OSError:
        notes = ("a run that is stopped before anything of it is on the disk leaves nothing",)
        hint = "begin anew without `--resume`"
    return fail("E852", f"there is nothing to resume for {quoted(target)}", notes=notes, help=hint)
