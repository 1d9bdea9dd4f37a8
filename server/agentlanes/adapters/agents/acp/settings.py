"""The profile's mode and model, as the requests that set them in an agent's open session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SETTING_METHODS = ("session/set_mode", "session/set_model", "session/set_config_option")


@dataclass(frozen=True, slots=True)
class Setting:
    """One request. `method` is None where the agent offers no way to ask."""

    name: str
    wanted: str
    method: str | None
    params: dict[str, object]
    offered: tuple[str, ...]

    def describe(self) -> str:
        """What would work instead."""
        if self.offered:
            return f"it offers {', '.join(self.offered)}; name one of them as {self.name} of the profile"
        return f"take {self.name} out of the profile, or pass it in the profile's argv or env as the agent documents"


def find_settings(mode: str | None, model: str | None, opened: dict[str, Any], *, fresh: bool) -> list[Setting]:
    """What to ask for, given the answer that opened the session; nothing for what is set already.

    An answer that reopens a session may leave out what the agent offers: then a mode is asked for all the same.
    """
    settings: list[Setting] = []
    if mode is not None:
        settings += _find_setting("mode", mode, opened, "modes", "availableModes", "id", "currentModeId", "modeId")
        if not settings and not _is_current(mode, opened, "modes", "currentModeId", "mode"):
            settings.append(Setting("mode", mode, "session/set_mode", {"modeId": mode}, ()))
    if model is not None and not _is_current(model, opened, "models", "currentModelId", "model"):
        found = _find_setting(
            "model", model, opened, "models", "availableModels", "modelId", "currentModelId", "modelId"
        )
        settings += found if found or not fresh else [Setting("model", model, None, {}, ())]
    return settings


def _find_setting(
    name: str, wanted: str, opened: dict[str, Any], holder: str, choices: str, key: str, current: str, param: str
) -> list[Setting]:
    offer = opened.get(holder)
    if isinstance(offer, dict):
        if offer.get(current) == wanted:
            return []
        offered = tuple(_strings(offer.get(choices), key))
        return [Setting(name, wanted, f"session/set_{name}", {param: wanted}, offered)]
    option = _find_option(opened, name)
    if option is None or option.get("currentValue") == wanted:
        return []
    params: dict[str, object] = {"configId": option.get("id"), "value": wanted}
    return [Setting(name, wanted, "session/set_config_option", params, tuple(_option_values(option.get("options"))))]


def _is_current(wanted: str, opened: dict[str, Any], holder: str, current: str, name: str) -> bool:
    offer = opened.get(holder)
    if isinstance(offer, dict):
        return bool(offer.get(current) == wanted)
    option = _find_option(opened, name)
    return option is not None and option.get("currentValue") == wanted


def _find_option(opened: dict[str, Any], category: str) -> dict[str, Any] | None:
    options = opened.get("configOptions")
    for option in options if isinstance(options, list) else []:
        if isinstance(option, dict) and category in (option.get("category"), option.get("id")):
            return option
    return None


def _option_values(options: object) -> Iterator[str]:
    """Values of a select, whose options may stand in groups."""
    for option in options if isinstance(options, list) else []:
        if isinstance(option, dict):
            yield from _option_values(option.get("options"))
            yield from _strings([option], "value")


def _strings(entries: object, key: str) -> Iterator[str]:
    for entry in entries[:100] if isinstance(entries, list) else []:
        value = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(value, str):
            yield value
