"""In which settings two checkpoints differ that have the same tensors."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from mergec.catalog.config_fields import CONFIG_FIELDS, UNSTATED, Config, ConfigField, Severity
from mergec.diagnostics import escape
from mergec.frozen import frozen

_MOST_SHOWN = 60
# Settings with an entry for each layer; of models of different depth they differ as they must.
_PER_LAYER = frozenset({"layer_types", "no_rope_layers"})


@frozen
class ConfigDifference:
    """A setting in which two configs differ, and what each says, as text for people.

    `severity` is less than the field's where only one states it and nothing is known of the other.
    """

    field: ConfigField
    severity: Severity
    one: str
    other: str


def text_section(config: Config, path: Sequence[str]) -> Mapping[str, Any]:
    """The settings that hold for the layers: those in the member `path`, then those around it."""
    whole: dict[str, Any] = dict(config)
    section: object = config
    for step in path:
        section = (
            cast("dict[str, object]", section).get(step) if isinstance(section, dict) else None
        )
    if path and isinstance(section, dict):
        # What the whole model is called says nothing of this part of it.
        whole.pop("model_type", None)
        whole.pop("architectures", None)
        whole |= cast("dict[str, Any]", section)
    return whole


def config_differences(
    one: Config, other: Config, roles: Collection[str]
) -> list[ConfigDifference]:
    """The differences that matter to tensors with these roles; without any, all differences.

    Both configs are as `text_section` gives them.
    """
    found: list[ConfigDifference] = []
    for field in CONFIG_FIELDS:
        if field.roles and roles and not field.roles.intersection(roles):
            continue
        ours, theirs = field.read(one), field.read(other)
        if ours == theirs or _of_other_depths(field, ours, theirs):
            continue
        if any(each.field.name == field.follows for each in found):
            continue
        certain = ours is not UNSTATED and theirs is not UNSTATED
        severity = field.severity if certain else "note"
        found.append(ConfigDifference(field, severity, shown(ours), shown(theirs)))
    return found


def shown(value: object) -> str:
    """A value of a config for people: JSON on one line, of bounded length."""
    if value is UNSTATED:
        return "not stated"
    text = escape(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _of_other_depths(field: ConfigField, ours: object, theirs: object) -> bool:
    if field.name not in _PER_LAYER or not (isinstance(ours, list) and isinstance(theirs, list)):
        return False
    return len(cast("list[object]", ours)) != len(cast("list[object]", theirs))
