"""Bytes in and out: source readers, writers laid out in advance, publication in one step."""

from mergec.shards.digest import TensorDigest
from mergec.shards.files import Files
from mergec.shards.read_ahead import AHEAD, ReadAhead
from mergec.shards.reader import SourceReader
from mergec.shards.staging import stale_partials
from mergec.shards.writer import CheckpointWriter

__all__ = [
    "AHEAD",
    "CheckpointWriter",
    "Files",
    "ReadAhead",
    "SourceReader",
    "TensorDigest",
    "stale_partials",
]
