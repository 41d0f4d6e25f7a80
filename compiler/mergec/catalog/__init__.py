"""Facts about checkpoints, gathered without reading a weight."""

from mergec.catalog.architecture import ROLES, Architecture, Side, TensorPlace
from mergec.catalog.checkpoint import (
    Checkpoint,
    HubCommit,
    ObjectState,
    Sha256,
    ShardFile,
    StoredObjects,
    TensorEntry,
    TensorName,
)
from mergec.catalog.config import read_config, read_licence
from mergec.catalog.describe import describe, inferred
from mergec.catalog.dtypes import SIGNIFICAND_BITS, Dtype
from mergec.catalog.glob import glob_matches
from mergec.catalog.header import read_header
from mergec.catalog.index import ShardIndex, read_index, read_shards
from mergec.catalog.match_names import NameMap, match_names
from mergec.catalog.open_checkpoint import open_checkpoint
from mergec.catalog.open_source import open_source

__all__ = [
    "ROLES",
    "SIGNIFICAND_BITS",
    "Architecture",
    "Checkpoint",
    "Dtype",
    "HubCommit",
    "NameMap",
    "ObjectState",
    "Sha256",
    "ShardFile",
    "ShardIndex",
    "Side",
    "StoredObjects",
    "TensorEntry",
    "TensorName",
    "TensorPlace",
    "describe",
    "glob_matches",
    "inferred",
    "match_names",
    "open_checkpoint",
    "open_source",
    "read_config",
    "read_header",
    "read_index",
    "read_licence",
    "read_shards",
]
