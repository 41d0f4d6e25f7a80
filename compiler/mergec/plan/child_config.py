"""The config.json and the small files of a child."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from mergec.catalog import Checkpoint, Dtype, Sha256
from mergec.catalog.architecture import Architecture
from mergec.catalog.late_files import small_file
from mergec.catalog.open_checkpoint import is_of_tokenizer
from mergec.catalog.regular_file import read_whole
from mergec.diagnostics import Diagnostic, MergecError, Span, fail
from mergec.elaborate.parameters import Report
from mergec.plan.model import SmallFile
from mergec.resolve import KeySet
from mergec.resolve.key_set import layer_origins

_DTYPE_WORDS = {
    Dtype.BF16: "bfloat16",
    Dtype.F16: "float16",
    Dtype.F32: "float32",
    Dtype.F64: "float64",
}
_SHA256 = 64  # hexadecimal digits
# Keys that count layers or depend on a layer's number, and that no family describes.
_POSITIONAL = (
    "max_window_layers",
    "sliding_window_pattern",
    "decoder_sparse_step",
    "first_k_dense_replace",
)

Configs = Mapping[str, tuple[Checkpoint, Architecture]]


def child_config(
    keys: KeySet,
    sources: Configs,
    dtype: Dtype | None,
    span: Span,
    report: Report,
    edit: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> bytes | None:
    """The bytes of the child's config.json: the donor's, edited where the merge changes a fact.

    None where the donor has none. `edit` makes the changes of a vocabulary. Reports W401 for facts
    that may no longer hold; raises E412.
    """
    donor, architecture = sources[keys.donor]
    if donor.config is None:
        return None
    if keys.renamed:
        report(_other_tensors(keys.donor, span))
    edited: dict[str, Any] = dict(donor.config)
    if dtype is not None:
        edited = _with_dtype(edited, _DTYPE_WORDS[dtype])
    same = tuple((keys.donor, layer) for layer in range(architecture.layers))
    if layer_origins(keys) != same:
        inner = _inner(edited, architecture.config_path)
        inner |= _layer_facts(keys, sources, inner, span)
        for key in _POSITIONAL:
            if key in inner:
                report(_positional(key, keys.donor, span))
    if keys.layers.untied:
        _inner(edited, architecture.config_path)["tie_word_embeddings"] = False
        edited["tie_word_embeddings"] = False
    edited = edit(edited)
    if edited == donor.config:
        return read_whole(donor.root / "config.json")
    return config_bytes(edited)


def config_bytes(config: Mapping[str, Any]) -> bytes:
    """A config as transformers writes it."""
    return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()


def small_files(
    donor: str,
    tokenizer: str | None,
    checkpoints: Mapping[str, Checkpoint],
    without: Collection[str] = (),
    *,
    sparing: bool = False,
) -> tuple[SmallFile, ...]:
    """The files copied beside the weights, with digests: what was reviewed is what is copied.

    All of the donor's, except that the tokenizer's come from the source labelled `tokenizer`, and
    that those named in `without` come from nowhere. If it is `sparing`, nothing is fetched, and
    what stands for a file that is not here yet is no digest of it.
    """
    names = [(donor, name) for name in checkpoints[donor].small_files]
    if tokenizer is not None and tokenizer != donor:
        names = [(label, name) for label, name in names if not is_of_tokenizer(name)]
        others = checkpoints[tokenizer].small_files
        names += [(tokenizer, name) for name in others if is_of_tokenizer(name)]
    files: list[SmallFile] = []
    for label, name in sorted(names, key=lambda pair: pair[1]):
        if name in without:
            continue
        late = checkpoints[label].late.get(name)
        if late is not None and late.identity and (sparing or len(late.identity) == _SHA256):
            files.append(SmallFile(label, name, late.size, Sha256(late.identity)))
            continue
        raw = read_whole(small_file(checkpoints[label], name))
        files.append(SmallFile(label, name, len(raw), Sha256(hashlib.sha256(raw).hexdigest())))
    return tuple(files)


def _with_dtype(config: Mapping[str, Any], word: str) -> dict[str, Any]:
    """With the dtype where one is stated, for the whole or for a part of several."""
    edited = {key: word if key in ("dtype", "torch_dtype") else it for key, it in config.items()}
    for key, part in config.items():
        if key.endswith("_config") and isinstance(part, dict):
            edited[key] = _with_dtype(cast("dict[str, Any]", part), word)
    return edited


def _inner(config: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The part of `config` that has the facts about layers, copied so that it can be edited."""
    for step in path:
        config[step] = dict(config.get(step) or {})
        config = config[step]
    return config


def _layer_facts(
    keys: KeySet, sources: Configs, inner: Mapping[str, Any], span: Span
) -> dict[str, Any]:
    """The facts about layers: how many, and what the config says of each."""
    architecture = sources[keys.donor][1]
    origins = layer_origins(keys)
    present = [key for key in architecture.count_keys if key in inner]
    if not present and not architecture.described:
        raise _no_count(keys.donor, span)
    for key in present:
        if inner[key] != architecture.layers:
            raise _other_count(keys.donor, key, inner[key], architecture.layers, span)
    facts: dict[str, Any] = {key: len(origins) for key in present or architecture.count_keys[:1]}
    for key in architecture.per_layer_keys:
        facts[key] = [_of_layer(sources, label, layer, key, span) for label, layer in origins]
    for key in architecture.layer_index_keys:
        facts[key] = [
            number
            for number, (label, layer) in enumerate(origins)
            if layer in _listed(sources, label, key)
        ]
    return facts


def _listed(sources: Configs, label: str, key: str) -> Sequence[Any]:
    checkpoint, architecture = sources[label]
    value: Any = _inner(dict(checkpoint.config or {}), architecture.config_path).get(key)
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def _of_layer(sources: Configs, label: str, layer: int, key: str, span: Span) -> Any:
    listed = _listed(sources, label, key)
    if layer < len(listed):
        return listed[layer]
    raise fail(
        "E412",
        f"config.json of `{label}` says nothing of layer {layer} under `{key}`",
        span,
        help="stack models whose configurations have the same keys",
    )


def _no_count(donor: str, span: Span) -> MergecError:
    return fail(
        "E412",
        f"config.json of `{donor}` does not say how many layers it has",
        span,
        notes=("the child has another number of layers, and its config.json must say so",),
        help="add the usual key `num_hidden_layers` to the source's config.json",
    )


def _other_count(donor: str, key: str, stated: object, layers: int, span: Span) -> MergecError:
    return fail(
        "E412",
        f"config.json of `{donor}` states `{key}` {stated}, and its weights have {layers} layers",
        span,
        help="mend the source's config.json, so that it is clear what is to be changed",
    )


def _other_tensors(donor: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "W401",
        f"config.json is that of `{donor}`, whose tensors were renamed or selected",
        span,
        notes=("a loader may look for tensors that the child does not have",),
        help=("write a config.json that fits the child, or rename back what is exported",),
    )


def _positional(key: str, donor: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "W401",
        f"`{key}` in config.json of `{donor}` depends on the number of a layer, and is kept",
        span,
        notes=("the layers of the child have other numbers than in the source",),
        help=(f"check `{key}` in the child's config.json",),
    )
