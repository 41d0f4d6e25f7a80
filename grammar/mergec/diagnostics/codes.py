"""Every code mergec can print: number, slug, exit status, one line, and its explanation.

A code is stable: it may be retired, but never means something else. The page that
`mergec explain CODE` prints is made from this table and from `specs/invalid/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table. `exit` is the process status (0 for warnings)."""

    id: str
    slug: str
    exit: int
    summary: str
    explanation: str


# The exit status of a family; a row may name its own. See docs/exit-codes.md.
_FAMILY_EXIT = {"E1": 3, "E2": 3, "E3": 3, "E4": 5, "E5": 5, "E6": 6, "E7": 4, "E8": 8}


def _code(id: str, slug: str, summary: str, explanation: str = "", exit: int | None = None) -> Code:
    status = 0 if id.startswith("W") else exit if exit is not None else _FAMILY_EXIT[id[:2]]
    return Code(id, slug, status, summary, explanation)


_TABLE = (
    # E1 syntax
    _code("E101", "unexpected-token", "the text does not continue a statement"),
    _code("E102", "unclosed-bracket", "a bracket is opened and never closed"),
    _code("E103", "unterminated-string", "a string is not closed on its line"),
    _code("E104", "bad-number", "a number is not written as mergec writes numbers"),
    _code("E105", "bad-character", "a character that a spec may not hold"),
    _code("E106", "not-utf8", "the spec is not UTF-8 text"),
    _code("E107", "spec-too-large", "the spec exceeds a size limit"),
    _code("E108", "nested-too-deep", "brackets or operators are nested too deep"),
    _code("E109", "empty-spec", "the spec holds no statement"),
    _code("E110", "unknown-edition", "the edition is not one this mergec knows"),
    _code(
        "E111", "not-in-this-version", "a part of the language that this mergec cannot compile yet"
    ),
    _code("E112", "operand-after-keyword", "an operand stands after a keyword parameter or `;`"),
    # E2 names and parameters
    _code("E201", "unknown-name", "a name that no binding defines"),
    _code("E202", "unknown-operator", "a call of an operator that does not exist"),
    _code("E203", "parameter-out-of-range", "a parameter's value is outside its range"),
    _code("E204", "unknown-parameter", "a parameter the operator does not have"),
    _code("E205", "missing-parameter", "a parameter without default is not given"),
    _code("E206", "parameter-type", "a parameter's value is of the wrong kind"),
    _code("E207", "duplicate-parameter", "a parameter is given twice"),
    _code("E208", "duplicate-name", "a name is bound twice"),
    _code("E209", "operand-count", "an operator has too few or too many operands"),
    _code("E210", "unknown-setting", "an export setting that does not exist"),
    _code("E211", "zero-weights", "weights to be normalised sum to zero"),
    _code("E212", "list-length", "a list does not have one value for each operand"),
    _code("E213", "no-single-export", "no binding, or more than one, could be the exported model"),
    _code(
        "E214", "bad-export-name", "an export's name is not one path component, or is used twice"
    ),
    _code("E215", "duplicate-label", "two sources have one label"),
    _code("E216", "conflicting-parameters", "two parameters contradict each other"),
    # E3 types and mass
    _code("E301", "mass", "an expression is neither a model (mass 1) nor a delta (mass 0)"),
    _code("E302", "model-or-delta", "a model stands where a delta is needed, or the reverse"),
    _code("E303", "pipe-into-base", "`|>` would make its left side the base of an operator"),
    _code("E304", "foreign-delta", "a delta of one base meets the deltas of another"),
    _code("E305", "not-a-number", "an expression of the wrong kind in arithmetic"),
    _code("E306", "masses-differ", "operands that must all be models or all be deltas are mixed"),
    _code("E307", "division-by-zero", "a division by zero"),
    _code("E308", "export-kind", "`export` of a delta, or `export delta` of a model"),
    # E4 shapes, dtypes and architecture
    _code("E401", "missing-tensors", "a source lacks tensors that the output needs"),
    _code("E402", "shape-mismatch", "a tensor has different shapes in two sources"),
    _code(
        "E403", "dtype-unsupported", "arithmetic on a storage dtype that mergec cannot compute with"
    ),
    _code(
        "E404", "ambiguous-prefix", "tensor names differ by a prefix in more than one possible way"
    ),
    _code("E406", "buffers-differ", "an integer tensor differs between sources"),
    # E6 plan and resources
    _code("E601", "memory-budget", "the plan does not fit the memory budget"),
    _code("E602", "disk-space", "the output does not fit the free disk space"),
    _code("E603", "backend-missing", "the backend or device asked for is not available"),
    _code("E604", "plan-file", "a file is not a plan this mergec can read"),
    _code("E605", "self-test", "this machine's arithmetic breaks the numeric contract", exit=13),
    # E7 sources and files
    _code("E701", "source-missing", "a source does not exist"),
    _code("E702", "not-regular", "a source is not a regular file or a folder"),
    _code("E703", "truncated", "a safetensors file is shorter than its header says"),
    _code("E704", "wrong-format", "a file is not safetensors but something else"),
    _code("E705", "lfs-pointer", "a Git LFS pointer stands where the weights should be"),
    _code("E706", "pickle", "a checkpoint in a pickle format, which mergec never opens", exit=12),
    _code("E707", "bad-header", "a safetensors header breaks the format"),
    _code("E708", "header-limit", "a safetensors header exceeds a limit"),
    _code("E709", "duplicate-key", "a key stands twice in a header or a JSON file"),
    _code("E710", "bad-index", "a shard index is not well-formed or contradicts its shards"),
    _code("E711", "shard-missing", "the index names a shard that does not exist"),
    _code("E712", "shard-path", "the index names a path outside the checkpoint", exit=12),
    _code("E713", "bad-config", "config.json is not readable"),
    _code("E714", "no-tensors", "a checkpoint without tensors"),
    _code("E715", "cannot-open", "the system refused to open a file", exit=8),
    _code("E716", "reference", "a source reference that this mergec cannot resolve"),
    _code("E717", "ambiguous-files", "several safetensors files and no index"),
    _code("E718", "bad-tensor-name", "a tensor name that mergec refuses"),
    _code("E719", "bad-offsets", "tensor offsets overlap, leave holes or contradict the shape"),
    _code("E720", "trailing-bytes", "a safetensors file goes on after its last tensor"),
    # E8 run and integrity
    _code("E801", "output-exists", "the output exists", exit=7),
    _code("E802", "output-overlaps", "the output is, holds or lies inside a source", exit=7),
    _code("E803", "output-unwritable", "the output cannot be written there", exit=8),
    _code("E804", "disk-full", "the disk is full", exit=8),
    _code("E805", "non-finite", "NaN or infinity in the weights of a source", exit=9),
    _code("E806", "overflow", "a result does not fit the output dtype", exit=9),
    _code("E807", "source-changed", "a source changed after it was planned", exit=10),
    _code("E808", "antiparallel", "two tensors point in opposite directions", exit=9),
    _code("E809", "read-failed", "reading a source failed", exit=8),
    _code("E810", "plan-differs", "the plan is not the one that was reviewed", exit=10),
    _code("E811", "not-a-result", "a folder is not a checkpoint that mergec wrote", exit=4),
    _code("E812", "verification-failed", "a checkpoint is not what its lineage says", exit=10),
    _code("E813", "output-parent", "the output's parent folder does not exist", exit=7),
    _code("E814", "out-of-memory", "memory ran out", exit=6),
    _code("E815", "not-durable", "the output is in place, but perhaps not yet safe on the disk"),
    # Warnings
    _code("W101", "byte-order-mark", "the spec begins with a byte order mark"),
    _code("W201", "unused-binding", "a binding that nothing uses"),
    _code("W301", "foreign-point", "a delta is added to a model that is not its base"),
    _code("W401", "prefix-mapped", "tensor names were matched after mapping a prefix"),
    _code("W701", "index-total", "the index states a wrong total size"),
    _code("W702", "header-padding", "a safetensors header is padded with other than spaces"),
    _code("W703", "confusable-names", "two tensor names look alike and are not the same"),
)

CODES: Mapping[str, Code] = MappingProxyType({row.id: row for row in _TABLE})
