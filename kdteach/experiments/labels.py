"""Names of an experiment's configurations: given, or made of what tells them apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

_Config = Mapping[str, object]


def labels_of(
    configurations: Sequence[_Config], given: Mapping[str, _Config]
) -> Mapping[str, _Config]:
    """Give each configuration one name.

    Args:
        configurations: of an experiment, all different.
        given: names that are chosen, for some of them.

    Returns:
        All configurations by name, in their order.

    Raises:
        ValueError: a given name is empty, or belongs to no configuration or to one that
            has another name already.
    """
    chosen: dict[str, str] = {}
    texts = [_text(config) for config in configurations]
    for label, config in given.items():
        text = _text(config)
        if not label.strip() or text not in texts or text in chosen:
            raise ValueError(
                f"labels: {label!r} must name one of the configurations, each once"
            )
        chosen[text] = label
    found: dict[str, _Config] = {}
    for config, text in zip(configurations, texts, strict=True):
        label = chosen.get(text) or _described(config, configurations, chosen)
        number, wanted = 1, label
        while label in found or (text not in chosen and label in given):
            number += 1
            label = f"{wanted} ({number})"
        found[label] = config
    return found


def _described(
    config: _Config, others: Sequence[_Config], chosen: Mapping[str, str]
) -> str:
    """The role, and the settings that differ among those of that role."""
    role = config.get("role")
    alike = [other for other in others if other.get("role") == role]
    keys = sorted({key for other in alike for key in other} - {"role", "kind"})
    differ = [key for key in keys if len({_text(other.get(key)) for other in alike}) > 1]
    settings = [f"{key} {_short(config[key], chosen)}" for key in differ if key in config]
    return ", ".join([str(role), *settings])


def _short(value: object, chosen: Mapping[str, str]) -> str:
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else json.dumps(value)
    name = value.get("model", value.get("shipped"))
    return chosen.get(_text(value), str(name))


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=dict)
