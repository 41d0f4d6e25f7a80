"""Writes checkpoints whose every offset is known before the first weight is computed.

A shard's first eight bytes stay zero until all its tensors are there: every safetensors reader
refuses a header of length zero, so a half-written shard can be taken for a whole one by nobody.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Literal, Self, final

from mergec.catalog.checkpoint import Sha256
from mergec.catalog.sample import ALL, Sample
from mergec.diagnostics import MergecError
from mergec.shards.files import Files
from mergec.shards.guard import Guard
from mergec.shards.journal import Claims, Journal, Line, Written, read_journal
from mergec.shards.lay_shard import lay_shard, length_word
from mergec.shards.open_shards import OpenShards
from mergec.shards.partials import Partial, in_use, require_alone
from mergec.shards.preflight import check_target, output_exists
from mergec.shards.read_back import all_parts, first_difference, stored_otherwise
from mergec.shards.recovery import claimed_tensors, journal_size, may_pass, unchanged_tensors
from mergec.shards.replacing import put_back, replaceable_files
from mergec.shards.staging import Staging
from mergec.shards.system_errors import output_failed, unconfirmed
from mergec.shards.targets import Layouts, index_of, path_in, shards_of, targets_of

# The folder, the lock, the index, and some for what stands beside the weights.
FILES_BESIDE_SHARDS = 16


@final
class CheckpointWriter:
    """What is on its way to `target`; leaving the `with` block unpublished ends it.

    That is one checkpoint, in the folder named by the empty text, or several, each in a folder of
    its own; they are published together. A tensor or file is known by its folder and its name. Any
    number of threads may write, each tensor from one thread and in order. After a failure of the
    system (E803, E804) what other threads still call raises the same error. ValueError is for
    misuse, never for what a user or a disk did.

    All that was made is removed in the end, but for what another run can go on with: where the
    writer has a journal and something is claimed in it, and the reason may pass.
    """

    def __init__(
        self,
        target: Path,
        layouts: Layouts,
        files: Files,
        *,
        hashed: bool,
        path: Path | None = None,
        replaces: Sequence[str] | None = None,
    ) -> None:
        """Make nothing yet; use `create` or `resume_writer`.

        `path` is that of the staging folder to `adopt`, `replaces` the files of an older result at
        the target, None if nothing is there.
        """
        self._adopted = path is not None
        self._replaces = replaces
        self._target = target
        self._files = files
        self._hashed = hashed
        self._folders = tuple(layouts)
        self._shards = shards_of(layouts)
        self._indexes = {folder: index_of(group) for folder, group in layouts.items()}
        self._tensors = targets_of(self._shards, hashed=hashed)
        self._beside: dict[str, tuple[int, Sha256]] = {}
        self._finished: set[str] = set()
        self._staging = Staging(target, files, path)
        self.lines: Sequence[Line] = ()
        """What the run before claimed, if there was one, and what stands beside each claim."""
        self._claims: Claims | None = None
        self._named = False  # whether the names of all that was made are durable
        self._open = OpenShards(files, self._staging.open_file)
        self._state: Literal["open", "published", "discarded", "kept"] = "open"
        self._failure: MergecError | None = None
        self._ending = Lock()
        self._guard = Guard(self)

    @classmethod
    def create(
        cls,
        target: Path,
        layouts: Layouts,
        sources: Sequence[Path],
        files: Files | None = None,
        *,
        other_bytes: int = 0,
        hashed: bool = True,
        header: Line | None = None,
        replace: bool = False,
    ) -> Self:
        """Check the place, then make the staging folders with all shards at their full size.

        `sources` are the folders or single files that must not be touched, `other_bytes` what
        `add_file` will bring. What is not `hashed` cannot be read back. With a `header`, which says
        all that the bytes depend on, there is a journal. With `replace` a result of mergec's may
        stand at the target. Refused before anything is made: E801, E802, E880, E813, E602, E850,
        E854; while making: E803, E804, with nothing left behind.
        """
        files = files or Files()
        sizes = [layout.size for group in layouts.values() for layout in group]
        count = len(sizes) + len(layouts) * FILES_BESIDE_SHARDS
        require_alone(target, files)
        put_back(target, files)
        needed = sum(sizes) + other_bytes
        check_target(target, sources, needed, count, files, replace=replace)
        old = replaceable_files(target, files) if replace else None
        writer = cls(target, layouts, files, hashed=hashed, replaces=old)
        try:
            writer._lay_down(header)
        except BaseException:
            writer.discard()
            raise
        return writer

    def adopt(self, partial: Partial) -> None:
        """Make what a dead run left what it was when that began, but for the weights in it.

        Of its shards nothing is believed: take what it claims from `unchanged` and `take_over`.
        E850 if the run lives.
        """
        written = partial.read(self._files)
        with self._guard:
            try:
                self._staging.adopt(filter(None, self._folders), self._shards)
            except BlockingIOError as error:
                raise in_use(self._target, partial) from error
            for name, (_, layout) in self._shards.items():
                lay_shard(self._files, self._staging.old_file(name), layout, used=True)
            self._begin_claims(written, None)

    def write(
        self,
        tensor: str,
        byte_offset: int,
        data: bytes | bytearray | memoryview,
        folder: str = "",
    ) -> None:
        """Put the tensor's next bytes in their place and take them into its digest.

        ValueError unless `byte_offset` (within the tensor) is where the last write ended.
        """
        target = self._tensors[folder, tensor]
        view = memoryview(data)
        raw = view.cast("B") if view.nbytes else memoryview(b"")
        with target.lock, self._guard:
            target.digest.expect(byte_offset, len(raw))
            self._open.write(target.shard, raw, target.place.start + byte_offset)
            target.digest.feed(byte_offset, raw)

    def claim(self, tensors: Iterable[tuple[str, str]], beside: Line) -> None:
        """These, by folder and name, are written whole: have the journal say so when it is true.

        `beside` is to be remembered with them. Without a journal this does nothing.
        """
        if self._claims is None:
            return
        found = [(key, self._tensors[key]) for key in tensors]
        told = [[*key, target.digest.hexdigest()] for key, target in found]
        with self._guard:
            nbytes = sum(target.place.nbytes for _, target in found)
            shards = {target.shard: None for _, target in found}
            self._claims.add({"tensors": told, **beside}, shards, nbytes)

    def unchanged(self, threads: int = 1) -> Mapping[tuple[str, str], Sha256]:
        """The tensors that the run before claimed and whose bytes are still those, by the disk."""
        claimed = claimed_tensors(self.lines)
        layouts = [(name, *found) for name, found in self._shards.items()]
        with self._guard:
            return unchanged_tensors(self._files, self._open.opened, layouts, claimed, threads)

    def take_over(self, tensors: Mapping[tuple[str, str], Sha256]) -> None:
        """These of the `unchanged` are not written again."""
        for key, digest in tensors.items():
            self._tensors[key].digest.settle(digest)

    def finish_shard(self, name: str) -> None:
        """Make a shard durable and then loadable; ValueError if a byte of it was not written.

        `name` is relative to the output, such as `child/model.safetensors`.
        """
        folder, layout = self._shards[name]
        if name in self._finished:
            return
        for place in layout.tensors:
            self._tensors[folder, place.name].digest.require_complete()
        with self._guard:
            with self._open.opened.lease(name) as descriptor:
                self._files.sync(descriptor)
                self._files.write_at(descriptor, length_word(layout), 0)
            self._open.opened.drop(name)  # syncs the word before it closes
        self._finished.add(name)

    def finish_all(self) -> None:
        """Finish every shard, then write an index for each folder that has several of them.

        Repeating is harmless.
        """
        if self._claims is not None:
            with self._guard:
                self._claims.finish()
        for name in self._shards:
            self.finish_shard(name)
        for folder, index in self._indexes.items():
            if index is not None and path_in(folder, index[0]) not in self._beside:
                self.add_file(*index, folder)

    def read_back(self, threads: int = 1, sample: Sample = ALL) -> None:
        """Read everything written so far from the device and compare; shards must be finished.

        Of the tensors of each folder those in the `sample`, and all headers and small files.
        The threads share the tensors, and each holds a buffer of 1 MiB. E812 if the device keeps
        other bytes than it was given.
        """
        digests = {folder: self.digests(folder) for folder in self._folders}
        if len(self._finished) < len(self._shards) or not self._hashed:
            raise ValueError("a shard is not finished, or nothing was hashed")
        parts = [*all_parts(self._shards, digests, self._beside, sample)]
        with self._guard:
            finding = first_difference(self._files, self._open.opened, parts, threads)
            for name in (*self._shards, *self._beside):
                self._open.opened.drop(name)
        if finding is not None:
            raise self._abandon(stored_otherwise(self._target, finding))

    def digests(self, folder: str = "") -> Mapping[str, Sha256]:
        """SHA-256 of every tensor's bytes, in file order; none if they were not to be hashed.

        ValueError before all are written.
        """
        return {
            name: target.digest.hexdigest()
            for (place, name), target in self._tensors.items()
            if place == folder and self._hashed
        }

    def add_file(self, name: str, data: bytes, folder: str = "") -> None:
        """Write and sync a small file beside the shards; those that vouch for others come last.

        ValueError if `name` is not one path component or is taken, and for an unknown `folder`.
        """
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ValueError(f"{name!r} is not the name of a file in a folder")
        if folder not in self._folders:
            raise ValueError(f"{folder!r} is not a folder of this output")
        path = path_in(folder, name)
        if path in self._shards or path in self._beside:
            raise ValueError(f"{path} is written already")
        self._beside[path] = (len(data), Sha256(hashlib.sha256(data).hexdigest()))
        with self._guard:
            descriptor = self._staging.new_file(path)
            try:
                self._files.write_at(descriptor, memoryview(data), 0)
                self._files.sync(descriptor)
            finally:
                self._files.close(descriptor)

    def publish(self) -> None:
        """Finish all that is not finished, then give the folder its name in one step.

        E801 if something took the name meanwhile. E815 if the folder is in place and complete, but
        the system did not confirm that its name is on the disk.
        """
        self.finish_all()
        with self._guard:
            try:
                if self._replaces is None:
                    self._staging.publish()
                else:
                    self._staging.replace()
            except FileExistsError as error:
                found = output_exists(self._target, "was made by someone else during the run")
                raise self._abandon(found) from error
        self._state = "published"
        self._open.close()
        try:
            self._staging.sync_parent()
            self._staging.remove_old(self._replaces or ())
        except OSError as error:
            raise unconfirmed(error, self._target) from error
        finally:
            self._tidy()

    def discard(self) -> None:
        """Remove all that was made, unless it is published; never raises, may be repeated."""
        with self._ending:
            self._remove()

    def keep(self) -> None:
        """Leave what another run can go on with, or else `discard`; what is finished is claimed."""
        with self._ending:
            if self._state == "open" and self._failure is None and self._claims is not None:
                with suppress(OSError):
                    self._claims.commit()
            self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and may_pass(error):
            self.keep()
        else:
            self.discard()

    def _lay_down(self, header: Line | None) -> None:
        with self._guard:
            self._staging.make(folder for folder in self._folders if folder)
            for name, (_, layout) in self._shards.items():
                lay_shard(self._files, self._staging.new_file(name), layout)
            if header is not None:
                self._begin_claims(read_journal(b""), header)

    def _begin_claims(self, written: Written, header: Line | None) -> None:
        self.lines = written.lines[1:]
        descriptor = self._staging.journal_file()
        journal = Journal(self._files, descriptor, written)
        self._claims = Claims(journal, self._sync_shards, len(self.lines), header)
        journal.make_room(journal_size(self._tensors))

    def _sync_shards(self, names: Sequence[str]) -> None:
        if not self._named:
            self._staging.sync_names()
            self._named = True
        self._open.sync_data(names)

    def require_open(self) -> None:
        """Raise the first failure if there was one; ValueError once all is over."""
        if self._state != "open":
            self._raise_failure()
            raise ValueError(f"the checkpoint is {self._state}")

    def fail_for(self, error: OSError | ValueError) -> None:
        """Raise the failure that an error is part of; return if it is the caller's own mistake."""
        if isinstance(error, OSError):
            raise self._abandon(error) from error
        # Another thread's failure may have closed the files under this one.
        if self._state != "open":
            self._raise_failure()

    def _raise_failure(self) -> None:
        """Raise why it is over, if it failed; whoever is ending it may be about to know."""
        with self._ending:
            failure = self._failure
        if failure is not None:
            raise failure from None

    def _abandon(self, cause: OSError | MergecError) -> MergecError:
        """End it all; the first failure is the one to report. No sync is tried again."""
        with self._ending:
            if self._failure is None:
                stays = isinstance(cause, OSError) or may_pass(cause)
                gone = self._leave() if stays else self._remove()
                left = () if gone else (f"`{self._staging.path}` is left: remove it",)
                if isinstance(cause, OSError):
                    cause = output_failed(cause, self._target, left)
                self._failure = cause
            return self._failure

    def _leave(self) -> bool:
        """Let everything lie if something is claimed of it, else remove it; False if that fails."""
        # What is adopted is another run's until its claims are ours.
        empty = not self._claims.count if self._claims is not None else not self._adopted
        if self._state != "open" or empty:
            return self._remove()
        self._state = "kept"
        self._open.close()
        if self._claims is not None:
            self._claims.close()
        self._staging.release()
        return True

    def _remove(self) -> bool:
        if self._state != "open":
            return True
        self._state = "discarded"
        self._open.close()
        return self._tidy()

    def _tidy(self) -> bool:
        """Remove the staging folder, but for what is published."""
        if self._claims is not None:
            self._claims.close()
        return self._staging.discard()
