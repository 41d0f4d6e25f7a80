"""Recognising weights that are stored in a form that mergec does not compute with."""

from collections.abc import Mapping
from typing import Any, cast

from mergec.catalog.checkpoint import Checkpoint, TensorEntry
from mergec.catalog.dtypes import Dtype
from mergec.catalog.inspection import quantisation_settings
from mergec.catalog.quoted import quoted
from mergec.frozen import frozen

_FP8 = frozenset(dtype for dtype in Dtype if dtype.value.startswith("F8"))
_PACKED = frozenset({Dtype.U8, Dtype.I8, Dtype.I16, Dtype.I32, Dtype.U32, Dtype.I64, *_FP8})

# The last part of a name, the dtypes that it has in that form, and who writes it so.
_BY_NAME: tuple[tuple[str, frozenset[Dtype], str], ...] = (
    ("qweight", _PACKED, "GPTQ or AWQ"),
    ("qzeros", _PACKED, "GPTQ or AWQ"),
    ("q_weight", _PACKED, "EXL2"),
    ("weight_packed", _PACKED, "compressed-tensors"),
    ("bitsandbytes__nf4", _PACKED, "bitsandbytes"),
    ("bitsandbytes__fp4", _PACKED, "bitsandbytes"),
    ("SCB", frozenset({Dtype.F32, Dtype.F16}), "bitsandbytes"),
    ("W_q", _PACKED, "HQQ"),
    ("weight_scale_inv", frozenset({Dtype.F32, Dtype.BF16}), "blocks of 8-bit floats"),
    ("weight_scale", frozenset({Dtype.F32, Dtype.BF16, Dtype.F16}), "8 bits with scales"),
)
# Parts of other names, as `gate_up_proj_blocks`.
_BY_ENDING = (("_blocks", frozenset({Dtype.U8}), "MXFP4"),)
_METHODS = {
    "gptq": "GPTQ", "awq": "AWQ", "bitsandbytes": "bitsandbytes", "bnb": "bitsandbytes",
    "fp8": "8-bit floats", "fbgemm_fp8": "8-bit floats", "compressed-tensors": "compressed-tensors",
    "exl2": "EXL2", "hqq": "HQQ", "mxfp4": "MXFP4", "torchao": "torchao", "quanto": "quanto",
    "eetq": "EETQ", "aqlm": "AQLM", "quip": "QuIP#",
}  # fmt: skip


@frozen
class OddStorage:
    """Quantised weights: in which form, and `shown` by what, in words."""

    form: str
    shown: str


def odd_storage(checkpoint: Checkpoint) -> OddStorage | None:
    """What tensors show of quantised storage, with the method of config.json; None for none."""
    for entry in checkpoint.tensors.values():
        form = _form(entry)
        if form is not None:
            return OddStorage(
                stated_method(checkpoint.config) or form,
                f"it holds {quoted(entry.name)}, {entry.describe()}",
            )
    packed = next((e for e in checkpoint.tensors.values() if e.dtype in _PACKED), None)
    method = stated_method(checkpoint.config)
    if method is not None and packed is not None and packed.name.endswith("weight"):
        return OddStorage(method, f"{quoted(packed.name)} is {packed.describe()}")
    return None


def stated_method(config: Mapping[str, Any] | None) -> str | None:
    """The method in `quantization_config`, as people call it; None where there is none."""
    settings = quantisation_settings(config)
    if settings is None:
        return None
    stated = settings.get("quant_method")
    named = _METHODS.get(stated) if isinstance(stated, str) else None
    if named is None and any(settings.get(key) is True for key in ("load_in_8bit", "load_in_4bit")):
        named = "bitsandbytes"
    if named is None and isinstance(stated, str):
        named = quoted(stated)
    return named or "an unnamed method"


def custom_code(config: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The classes in `auto_map` that Python files beside the weights would define; sorted."""
    stated = (config or {}).get("auto_map")
    if not isinstance(stated, dict):
        return ()
    found: set[str] = set()
    for value in cast("dict[str, object]", stated).values():
        listed = cast("list[object]", value) if isinstance(value, list) else [value]
        found |= {quoted(each) for each in listed if isinstance(each, str)}
    return tuple(sorted(found))


def _form(entry: TensorEntry) -> str | None:
    last = entry.name.rsplit(".", 1)[-1]
    for name, dtypes, form in _BY_NAME:
        if last == name and entry.dtype in dtypes:
            return form
    for ending, dtypes, form in _BY_ENDING:
        if last.endswith(ending) and entry.dtype in dtypes:
            return form
    return None
