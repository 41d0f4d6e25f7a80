"""Facts about checkpoints, gathered without reading a weight."""

from mergec.catalog.checkpoint import Checkpoint, Sha256, ShardFile, TensorEntry, TensorName
from mergec.catalog.config import read_config, read_licence
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.catalog.header import read_header
from mergec.catalog.index import ShardIndex, read_index, read_shards
from mergec.catalog.match_names import NameMap, match_names
from mergec.catalog.open_checkpoint import open_checkpoint

__all__ = [
    "SIGNIFICAND_BITS",
    "Checkpoint",
    "Dtype",
    "NameMap",
    "Sha256",
    "ShardFile",
    "ShardIndex",
    "TensorEntry",
    "TensorName",
    "match_names",
    "open_checkpoint",
    "read_config",
    "read_header",
    "read_index",
    "read_licence",
    "read_shards",
]
