"""Readers of single files that come from elsewhere, with files to begin with, for a fuzzer.

`check` of a target returns whether bytes are accepted, and raises for whatever is neither a value
nor a diagnostic, and for what is accepted and should not be.
"""

import contextlib
import json
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

import safetensors

from mergec.catalog.config import read_config
from mergec.catalog.folder import Opener, ReadableFile
from mergec.catalog.header import read_header
from mergec.catalog.index import read_index
from mergec.diagnostics import MergecError, render_text
from mergec.shards import journal
from mergec.shards.recovery import claimed_tensors
from tests.catalog.malformed_files import GOOD, ROWS
from tests.catalog.safetensors_bytes import file_of, framed
from tests.fuzz.byte_mutations import mutated

_library: Any = safetensors  # whose functions have no types
_LONGEST_SEED = 1 << 13

Check = Callable[[bytes], bool]


@dataclass(frozen=True)
class Target:
    """A reader. `opened` is the text in a file that is worth changing, `sealed` a file of it.

    Without these a changed length or checksum would be all that a reader sees.
    """

    check: Check
    seeds: Sequence[bytes]
    opened: Callable[[bytes], bytes] = bytes
    sealed: Callable[[bytes, bytes], bytes] = lambda text, _: text

    def mutated(self, random: Random, data: bytes) -> bytes:
        """A change of a file, of its text more often than of the whole."""
        if random.random() < 0.25:
            return mutated(random, data, self.seeds)
        text = mutated(random, self.opened(data), [self.opened(random.choice(self.seeds))])
        return self.sealed(text, data)


@dataclass(frozen=True)
class _Bytes:
    """An open file that is no more than its bytes."""

    path: Path
    held: bytes

    @property
    def size(self) -> int:
        return len(self.held)

    def read(self, start: int, count: int) -> bytes:
        assert 0 <= start <= start + count <= len(self.held)
        return self.held[start : start + count]


def _opener(held: bytes) -> Opener:
    @contextlib.contextmanager
    def opened(path: Path) -> Generator[ReadableFile]:
        yield _Bytes(path, held)

    return opened


def understood(read: Callable[[], object]) -> bool:
    """Whether `read` returns; it may refuse with findings that can be printed."""
    try:
        read()
    except MergecError as error:
        found = error.diagnostics
    else:
        return True
    assert any(each.severity == "error" for each in found)
    render_text(found)
    return False


def header() -> Target:
    """A header, and what the `safetensors` library makes of it: what we accept it accepts."""
    place = Path("model.safetensors")

    def check(data: bytes) -> bool:
        found: list[tuple[str, str, list[int], bytes]] = []

        def read() -> None:
            _, entries = read_header(place, opened=_opener(data))
            found.extend(
                (it.name, it.dtype.value, [*it.shape], data[it.start : it.start + it.nbytes])
                for it in entries
            )

        if not understood(read):
            return False
        theirs = cast("list[tuple[str, Any]]", _library.deserialize(data))
        assert sorted(found) == sorted(
            (name, it["dtype"], it["shape"], bytes(it["data"])) for name, it in theirs
        )
        return True

    def opened(data: bytes) -> bytes:
        return data[8 : 8 + int.from_bytes(data[:8], "little")]

    def sealed(text: bytes, before: bytes) -> bytes:
        return framed(text, before[8 + int.from_bytes(before[:8], "little") :])

    sound = file_of(
        {"a": ("BF16", [2, 2], bytes(8)), "b": ("F4", [4], b"12"), "c": ("U8", [0, 3], b"")},
        {"format": "pt"},
    )
    malformed = [data for data, _, _ in ROWS.values() if len(data) < _LONGEST_SEED]
    return Target(check, [*[GOOD, sound] * len(malformed), *malformed], opened, sealed)


def index() -> Target:
    """The index of a checkpoint in several files."""
    written = {
        "metadata": {"total_size": 24},
        "weight_map": {f"layers.{n}.w": f"model-0000{n}-of-00002.safetensors" for n in (1, 2)},
    }
    seeds = [json.dumps(written).encode(), json.dumps({"weight_map": {}}).encode()]
    place = Path("model.safetensors.index.json")
    return Target(lambda data: understood(lambda: read_index(place, _opener(data))), seeds)


def config() -> Target:
    """A config.json by itself."""
    seeds = [b'{"model_type":"llama","num_hidden_layers":2,"rope_scaling":{"factor":8.0}}']
    place = Path("config.json")
    return Target(lambda data: understood(lambda: read_config(place, _opener(data))), seeds)


def journals() -> Target:
    """The journal of a run: what is taken from it was written so, line by line."""

    def check(data: bytes) -> bool:
        written = journal.read_journal(data)
        assert data[: written.end].count(b"\n") == len(written.lines)
        again = journal.read_journal(data[: written.end])
        assert again == written
        claimed_tensors(written.lines)
        return bool(written.lines)

    lines: list[object] = [
        {"journal": "mergec.journal/1", "tool": "0", "sources": {}},
        {"tensors": [["", "a", "0" * 64]], "readings": [[0, ["0x1p+0"], [1]]]},
        {"tensors": [["x", "b", "1" * 64]], "counts": [["x", "b", [["code", 1]], 1, 0]]},
    ]
    seed = seal_journal("\n".join(map(json.dumps, lines)).encode() + b"\n")
    return Target(check, [seed], open_journal, lambda text, _: seal_journal(text))


def open_journal(data: bytes) -> bytes:
    """The lines of a journal without their checksums."""
    return b"".join(line[9:] + b"\n" for line in data.split(b"\n")[:-1])


def seal_journal(text: bytes) -> bytes:
    """Lines with the checksums that they need to be believed."""
    checksum, sealed = 0, b""
    for line in text.split(b"\n")[:-1]:
        checksum = zlib.crc32(line, checksum)
        sealed += b"%08x %s\n" % (checksum, line)
    return sealed


TARGETS: Mapping[str, Callable[[], Target]] = {
    "header": header,
    "index": index,
    "config": config,
    "journal": journals,
}
