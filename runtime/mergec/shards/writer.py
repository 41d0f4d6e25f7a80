"""Writes checkpoints whose every offset is known before the first weight is computed.

A shard's first eight bytes stay zero until all its tensors are there: every safetensors reader
refuses a header of length zero, so a half-written shard can be taken for a whole one by nobody.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Literal, Self, final

from mergec.catalog.checkpoint import Sha256
from mergec.diagnostics import MergecError, fail
from mergec.plan.layout import Placement, ShardLayout, index_json, index_name
from mergec.shards.descriptors import Descriptors
from mergec.shards.digest import TensorDigest
from mergec.shards.files import Files
from mergec.shards.preflight import check_target, output_exists
from mergec.shards.read_back import file_part, first_difference, shard_parts, stored_otherwise
from mergec.shards.staging import LOCK_NAME, Staging
from mergec.shards.system_errors import output_failed

_LENGTH_WORD = 8
# The folder, the lock, the index, and some for what stands beside the weights.
_FILES_BESIDE_SHARDS = 16
# Bytes written to a shard before the device is told to begin with them. Measured on 1.2 GB, this
# takes the sync at the end from 0.5 s to 0.01 s; 8 MiB cost more calls, 128 MiB gain nothing.
_WRITE_BEHIND = 32 << 20

Layouts = Mapping[str, Sequence[ShardLayout]]
"""The shards of each folder in the output; the empty name is the output itself."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A tensor to be written: its shard, its place, how far it is; one writer at a time."""

    shard: str
    place: Placement
    digest: TensorDigest
    lock: Lock = field(default_factory=Lock)


@final
class CheckpointWriter:
    """What is on its way to `target`; leaving the `with` block unpublished removes it.

    That is one checkpoint, in the folder named by the empty text, or several, each in a folder of
    its own; they are published together. A tensor or file is known by its folder and its name. Any
    number of threads may write, each tensor from one thread and in order. A failure of the system
    (E803, E804) removes all that was made; what other threads still call then raises the same
    error. ValueError is for misuse, never for what a user or a disk did.
    """

    def __init__(self, target: Path, layouts: Layouts, files: Files, *, hashed: bool) -> None:
        """Make nothing yet; use `create`."""
        self._target = target
        self._files = files
        self._hashed = hashed
        self._folders = tuple(layouts)
        self._shards = {
            _path(folder, layout.name): (folder, replace(layout, name=_path(folder, layout.name)))
            for folder, group in layouts.items()
            for layout in group
        }
        self._indexes = {folder: _index(group) for folder, group in layouts.items()}
        self._tensors: dict[tuple[str, str], _Target] = {
            (folder, place.name): _Target(
                name, place, TensorDigest(place.name, place.nbytes, hashed=hashed)
            )
            for name, (folder, layout) in self._shards.items()
            for place in layout.tensors
        }
        # Bytes of each shard that the device was not yet told of. A count that a race of threads
        # makes too small delays that a little.
        self._waiting = dict.fromkeys(self._shards, 0)
        self._beside: dict[str, tuple[int, Sha256]] = {}
        self._finished: set[str] = set()
        self._staging = Staging(target, files)
        self._open = Descriptors(self._staging.open_file, self._retire, limit=64)
        self._state: Literal["open", "published", "discarded"] = "open"
        self._failure: MergecError | None = None
        self._ending = Lock()
        self._guard = _Guard(self)

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
    ) -> Self:
        """Check the place, then make the staging folders with all shards at their full size.

        `sources` are the folders or single files that must not be touched, `other_bytes` what
        `add_file` will bring. What is not `hashed` cannot be read back. Refused before anything is
        made: E801, E802, E803, E813, E602; while making: E803, E804, with nothing left behind.
        """
        files = files or Files()
        sizes = [layout.size for group in layouts.values() for layout in group]
        count = len(sizes) + len(layouts) * _FILES_BESIDE_SHARDS
        check_target(target, sources, sum(sizes) + other_bytes, count, files)
        writer = cls(target, layouts, files, hashed=hashed)
        try:
            writer._lay_down()
        except BaseException:
            writer.discard()
            raise
        return writer

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
            taken = self._open.take(target.shard)
            try:
                self._files.write_at(taken.descriptor, raw, target.place.start + byte_offset)
                self._write_behind(target.shard, taken.descriptor, len(raw))
            finally:
                self._open.give_back(taken)
            target.digest.feed(byte_offset, raw)

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
            with self._open.lease(name) as descriptor:
                self._files.sync(descriptor)
                self._files.write_at(descriptor, _length_word(layout), 0)
            self._open.drop(name)  # syncs the word before it closes
        self._finished.add(name)

    def finish_all(self) -> None:
        """Finish every shard, then write an index for each folder that has several of them.

        Repeating is harmless.
        """
        for name in self._shards:
            self.finish_shard(name)
        for folder, index in self._indexes.items():
            if index is not None and _path(folder, index[0]) not in self._beside:
                self.add_file(*index, folder)

    def read_back(self, threads: int = 1) -> None:
        """Read everything written so far from the device and compare; shards must be finished.

        The threads share the tensors, and each holds a buffer of 1 MiB. E812 if the device keeps
        other bytes than it was given; all that was made is then removed.
        """
        digests = {folder: self.digests(folder) for folder in self._folders}
        if len(self._finished) < len(self._shards) or not self._hashed:
            raise ValueError("a shard is not finished, or nothing was hashed")
        parts = [
            part
            for name, (folder, layout) in self._shards.items()
            for part in shard_parts(name, layout, digests[folder])
        ]
        parts += [file_part(name, size, digest) for name, (size, digest) in self._beside.items()]
        with self._guard:
            finding = first_difference(self._files, self._open, parts, threads)
            for name in (*self._shards, *self._beside):
                self._open.drop(name)
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
        path = _path(folder, name)
        if path in self._shards or path in self._beside or path == LOCK_NAME:
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

        E801 if something took the name meanwhile: the result is then removed. E815 if the folder
        is in place and complete, but the system did not confirm that its name is on the disk.
        """
        self.finish_all()
        with self._guard:
            try:
                self._staging.publish()
            except FileExistsError as error:
                found = output_exists(self._target, "was made by someone else during the run")
                raise self._abandon(found) from error
        self._state = "published"
        self._open.close()
        try:
            self._staging.sync_parent()
        except OSError as error:
            raise fail(
                "E815",
                f"`{self._target}` is complete and in place, but the system could not confirm "
                "that it is safe on the disk",
                notes=(f"the system said: {error.strerror}",),
                help=f"run `mergec verify {self._target} --replay full` after checking the disk",
            ) from error

    def discard(self) -> None:
        """Remove all that was made, unless it is published; never raises, may be repeated."""
        with self._ending:
            self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def _lay_down(self) -> None:
        with self._guard:
            self._staging.make(folder for folder in self._folders if folder)
            for name, (_, layout) in self._shards.items():
                descriptor = self._staging.new_file(name)
                try:
                    self._files.reserve(descriptor, layout.size)
                    self._files.write_at(descriptor, memoryview(layout.header), _LENGTH_WORD)
                finally:
                    self._files.close(descriptor)

    def _write_behind(self, shard: str, descriptor: int, count: int) -> None:
        """Keep the device busy while the next blocks are computed, so that no sync waits long."""
        self._waiting[shard] += count
        if self._waiting[shard] >= _WRITE_BEHIND:
            self._waiting[shard] = 0
            self._files.start_writeback(descriptor)

    def require_open(self) -> None:
        """Raise the first failure if there was one; ValueError once all is over."""
        if self._failure is not None:
            raise self._failure
        if self._state != "open":
            raise ValueError(f"the checkpoint is {self._state}")

    def fail_for(self, error: OSError | ValueError) -> None:
        """Raise the failure that an error is part of; return if it is the caller's own mistake."""
        if isinstance(error, OSError):
            raise self._abandon(error) from error
        # Another thread's failure may have closed the files under this one.
        if self._failure is not None:
            raise self._failure from None

    def _abandon(self, cause: OSError | MergecError) -> MergecError:
        """Remove everything; the first failure is the one to report. No sync is tried again."""
        with self._ending:
            if self._failure is None:
                left = () if self._remove() else (f"`{self._staging.path}` is left: remove it",)
                if isinstance(cause, OSError):
                    cause = output_failed(cause, self._target, left)
                self._failure = cause
            return self._failure

    def _remove(self) -> bool:
        if self._state != "open":
            return True
        self._state = "discarded"
        self._open.close()
        return self._staging.discard()

    def _retire(self, descriptor: int) -> None:
        # A write error shows at the next sync of a descriptor, so none is closed without one.
        try:
            if self._state == "open":
                self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)


@final
class _Guard:
    """Turns a system error into the end of a writer, told once and the same to everyone.

    A class, for it stands around every block; a generator takes three times as long.
    """

    __slots__ = ("_writer",)

    def __init__(self, writer: CheckpointWriter) -> None:
        self._writer = writer

    def __enter__(self) -> None:
        self._writer.require_open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError | ValueError):
            self._writer.fail_for(error)


def _path(folder: str, name: str) -> str:
    """A name relative to the output."""
    return f"{folder}/{name}" if folder else name


def _index(layouts: Sequence[ShardLayout]) -> tuple[str, bytes] | None:
    """Name and bytes of the index file, or None where there is none."""
    data = index_json(layouts)
    return None if data is None else (index_name(layouts), data)


def _length_word(layout: ShardLayout) -> memoryview:
    return memoryview(len(layout.header).to_bytes(_LENGTH_WORD, "little"))
