"""Bytes in and out: source readers, writers laid out in advance, publication in one step."""

from mergec.shards.digest import TensorDigest
from mergec.shards.files import Files
from mergec.shards.partials import Partial, partials, stale_partials
from mergec.shards.read_ahead import AHEAD, ReadAhead
from mergec.shards.reader import SourceReader
from mergec.shards.resuming import resume_writer
from mergec.shards.writer import CheckpointWriter

__all__ = [
    "AHEAD",
    "CheckpointWriter",
    "Files",
    "Partial",
    "ReadAhead",
    "SourceReader",
    "TensorDigest",
    "partials",
    "resume_writer",
    "stale_partials",
]
