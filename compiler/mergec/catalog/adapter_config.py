"""adapter_config.json as PEFT writes it: ranks and scales, or which feature is not supported.

A field that mergec does not know may change what the tensors mean, so it is refused by name unless
it is empty.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, cast

from mergec.catalog.adapter import CONFIG
from mergec.catalog.config import read_config
from mergec.catalog.folder import Folder
from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen

_MAX_RANK = 1 << 20
_MAX_PATTERNS = 20_000
# Fields that decide nothing about weights, or that tensors themselves tell; and fields that are
# read. Not in it: what changes the arithmetic.
_READ = frozenset(
    {
        "peft_type",
        *("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora"),
        *("fan_in_fan_out", "bias", "lora_bias", "init_lora_weights", "base_model_name_or_path"),
        "use_dora",
    }
)
_IDLE = frozenset(
    {
        *("task_type", "auto_mapping", "peft_version", "revision", "inference_mode"),
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
        *("lora_dropout", "modules_to_save", "megatron_core", "eva_config", "runtime_config"),
        *("qalora_group_size", "ensure_weight_tying"),
    }
)
# These initialisations leave the base as it is; others take from it what the adapter then adds.
_INITIAL = frozenset({"gaussian", "eva", "orthogonal"})
# A pattern is a regular expression for the end of a module's name. Nearly all are plain names, and
# a stranger's regular expression is not run.
_PLAIN = re.compile(r"\^?[A-Za-z0-9_.-]+")


@frozen
class AdapterConfig:
    """The settings that decide what an adapter's tensors mean; `turned` is `fan_in_fan_out`.

    `dora` says that each module has magnitudes.
    """

    base: str | None
    turned: bool
    rank: int
    alpha: Fraction
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, Fraction]
    rank_stabilised: bool
    dora: bool

    def rank_of(self, module: str) -> int:
        """The rank that is stated for a module."""
        return _of_module(self.rank_pattern, module, self.rank)

    def scale_of(self, module: str) -> Fraction:
        """The factor alpha / rank, or alpha / √rank, rounded to float64 unless it is rational."""
        alpha, rank = _of_module(self.alpha_pattern, module, self.alpha), self.rank_of(module)
        if not self.rank_stabilised:
            return alpha / rank
        root = math.isqrt(rank)
        return alpha / root if root * root == rank else Fraction(float(alpha) / math.sqrt(rank))


def read_adapter_config(folder: Folder) -> AdapterConfig:
    """The config of the adapter in `folder`.

    Raises E729 where there is none, E730 for one that does not say what it must, E731 for what is
    not supported, and E713.
    """
    path = folder.path / CONFIG
    found = None if folder.lacks(CONFIG) else read_config(path, folder.open)
    if found is None:
        raise _no_config(folder)
    _refuse_other_kinds(path, found)
    return AdapterConfig(
        base=_base(found),
        turned=_flag(path, found, "fan_in_fan_out"),
        rank=_rank(path, "r", found.get("r")),
        alpha=_alpha(path, "lora_alpha", found.get("lora_alpha")),
        rank_pattern={
            key: _rank(path, f"rank_pattern.{key}", value)
            for key, value in _pattern(path, found, "rank_pattern").items()
        },
        alpha_pattern={
            key: _alpha(path, f"alpha_pattern.{key}", value)
            for key, value in _pattern(path, found, "alpha_pattern").items()
        },
        rank_stabilised=_flag(path, found, "use_rslora"),
        dora=_flag(path, found, "use_dora"),
    )


_Given = Mapping[str, Any]
_Value = TypeVar("_Value")


def _of_module(pattern: Mapping[str, _Value], module: str, default: _Value) -> _Value:
    """The first pattern that the end of a module's name fits, as PEFT takes it."""
    return next((value for key, value in pattern.items() if _fits(key, module)), default)


def _fits(pattern: str, module: str) -> bool:
    """Whether a plain name is the module's, or its end after a dot.

    >>> _fits("q_proj", "layers.0.q_proj"), _fits("proj", "layers.0.q_proj"), _fits("^a", "x.a")
    (True, False, False)
    """
    name = pattern.removeprefix("^")
    before, end = module[: -len(name)], module[-len(name) :]
    # In a regular expression a dot stands for any character.
    alike = len(end) == len(name) and all(x in (".", y) for x, y in zip(name, end, strict=True))
    return alike and (not before or (name == pattern and before.endswith(".")))


def _no_config(folder: Folder) -> MergecError:
    hint = f"name a folder that holds `{CONFIG}`, as PEFT writes it"
    if not folder.lacks("config.json"):
        hint = "for a model write `model(...)`; an adapter's folder holds `adapter_config.json`"
    return fail("E729", f"{quoted(folder.path)} holds no `{CONFIG}`", help=hint)


def _refuse_other_kinds(path: Path, found: _Given) -> None:
    kind = found.get("peft_type")
    if not isinstance(kind, str):
        raise _bad(path, "does not say the kind of adapter, `peft_type`")
    if kind != "LORA":
        raise _unsupported(path, f"is an adapter of the kind {quoted(kind)}", "it reads `LORA`")
    initial = found.get("init_lora_weights", True)
    usual = initial in _INITIAL if isinstance(initial, str) else isinstance(initial, bool | None)
    if not usual:
        raise fail(
            "E731",
            f"{quoted(path)} was initialised by {quoted(initial)}, which changes the base's"
            " weights too",
            notes=("added to the base as it is published, the adapter would give another model",),
            help="convert it with PEFT, by `path_initial_model_for_weight_conversion`",
        )
    if found.get("bias", "none") not in ("none", "all", "lora_only"):
        raise _unsupported(
            path, f"has the bias {quoted(found['bias'])}", "it reads `none`, `all` and `lora_only`"
        )
    for name, value in found.items():
        if name not in _READ and name not in _IDLE and not _is_empty(value):
            raise _unsupported(path, f"sets {quoted(name)}", "it reads LoRA, rsLoRA and DoRA")


def _is_empty(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _unsupported(path: Path, what: str, note: str) -> MergecError:
    return fail(
        "E731",
        f"{quoted(path)} {what}, which mergec does not support",
        notes=(note,),
        help="merge the adapter into its base with PEFT, and name the merged model by `model(...)`",
    )


def _base(found: _Given) -> str | None:
    name = found.get("base_model_name_or_path")
    return name if isinstance(name, str) and name else None


def _flag(path: Path, found: _Given, name: str) -> bool:
    value = found.get(name)
    if not isinstance(value, bool | None):
        raise _bad(path, f"has {quoted(value)} as `{name}`, which is true or false")
    return value is True


def _rank(path: Path, name: str, value: object) -> int:
    if type(value) is int and 0 < value <= _MAX_RANK:
        return value
    raise _wrong(path, name, value, "a whole number above 0")


def _alpha(path: Path, name: str, value: object) -> Fraction:
    """A decimal is taken as it is written."""
    if type(value) is int and 0 < abs(value) < 1 << 64:
        return Fraction(value)
    if type(value) is float and 2.0**-64 < abs(value) < 2.0**64:
        return Fraction(repr(value))
    raise _wrong(path, name, value, "a number other than 0")


def _pattern(path: Path, found: _Given, name: str) -> Mapping[str, object]:
    value: object = found.get(name) or {}
    if not isinstance(value, dict):
        raise _bad(path, f"has a `{name}` that is not an object")
    pattern = cast("dict[str, object]", value)
    if len(pattern) > _MAX_PATTERNS:
        raise _bad(path, f"has more than {_MAX_PATTERNS:,} entries in `{name}`")
    for key in pattern:
        if not _PLAIN.fullmatch(key):
            what = f"has the regular expression {quoted(key)} in `{name}`"
            raise _unsupported(path, what, "it reads names of modules, or their ends")
    return pattern


def _wrong(path: Path, name: str, value: object, wanted: str) -> MergecError:
    if value is None:
        return _bad(path, f"does not say {quoted(name)}, which is {wanted}")
    return _bad(path, f"has {quoted(value)} as {quoted(name)}, which is {wanted}")


def _bad(path: Path, what: str) -> MergecError:
    return fail(
        "E730",
        f"{quoted(path)} {what}",
        help="restore the file from the adapter's own page, or save the adapter with PEFT again",
    )
