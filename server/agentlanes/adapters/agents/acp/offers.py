"""What the agent of the session offers: its settings and commands, kept as it tells them, and how a setting is changed.

Agents offer settings in three ways: as config options (the newer one, which goes before the others), as modes, and as
models. A setting's id says which: that of a config option is the agent's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agentlanes.adapters.agents.acp.quirks import Quirks
from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text
from agentlanes.wire.models import AgentCommand, Choice, Offer, Setting, SettingValue

MODE, MODEL = "acp/mode", "acp/model"
"""Settings that are no config options."""
SET_MODE, SET_MODEL, SET_OPTION = "session/set_mode", "session/set_model", "session/set_config_option"
CHOSEN = ("mode", "model", "effort")
_KINDS = {"mode": "mode", "model": "model", "thought_level": "effort", "effort": "effort"}
_SWITCH = (SettingValue(value="true", name="On"), SettingValue(value="false", name="Off"))
_SETTINGS_CAP = 100
_VALUES_CAP = 500
_COMMANDS_CAP = 300
_ID_CAP = 512
_NAME_CAP = 200
_DESCRIPTION_CAP = 300


class Offers:
    """The newest offer. `changed` until it is taken."""

    def __init__(self) -> None:
        self._quirks = Quirks()
        self._offer = Offer()
        self._before_plan: str | None = None
        self.changed = False

    @property
    def offer(self) -> Offer:
        return self._offer

    def restore(self, offer: Offer | None, quirks: Quirks) -> None:
        """Go on from what the log has."""
        self._offer, self._quirks, self.changed = offer or Offer(), quirks, False

    def begin(self, quirks: Quirks, *, steer: bool, fork: bool) -> None:
        """The agent introduced itself. Settings and commands of a process before stay until it tells its own."""
        self._quirks = quirks
        self._put(msgspec.structs.replace(self._offer, steer=steer, fork=fork, fork_at_turn=False, rewind=False))

    def take_opened(self, opened: dict[str, Any]) -> None:
        """The answer that opened the session."""
        settings = list(_read_options(opened.get("configOptions")))
        for holder, read in (("modes", _read_modes), ("models", _read_models)):
            setting = read(opened.get(holder))
            if setting is not None and all(setting.kind != known.kind for known in settings):
                settings.append(setting)
        if settings or not self._offer.settings:
            self._put(msgspec.structs.replace(self._offer, settings=tuple(settings)))
        if isinstance(opened.get("availableCommands"), list):
            self.take_commands(opened["availableCommands"])

    def take_options(self, options: object) -> None:
        """All config options, as an update or an answer to a change gives them."""
        settings = list(_read_options(options))
        if not settings:
            return
        settings += [known for known in self._offer.settings if known.setting_id in (MODE, MODEL)]
        self._put(msgspec.structs.replace(self._offer, settings=tuple(settings)))

    def take_value(self, setting_id: str, value: str) -> None:
        """A setting has another value now."""
        settings = [
            msgspec.structs.replace(known, value=value) if known.setting_id == setting_id else known
            for known in self._offer.settings
        ]
        self._put(msgspec.structs.replace(self._offer, settings=tuple(settings)))

    def take_mode(self, mode: str) -> None:
        """The agent went over to another mode by itself."""
        setting = self.find("mode")
        if setting is not None:
            self.take_value(setting.setting_id, mode)

    def take_commands(self, commands: object) -> None:
        if not isinstance(commands, list):
            return
        read = tuple(_read_commands(commands))
        names = {command.name for command in read}
        self._put(
            msgspec.structs.replace(
                self._offer,
                commands=read,
                compact=self._quirks.compact in names,
                review=self._quirks.review in names,
            )
        )

    def find(self, kind: str) -> Setting | None:
        """The setting that a choice is about."""
        return next((setting for setting in self._offer.settings if setting.kind == kind), None)

    def find_plan_mode(self) -> str | None:
        """The mode in which the agent changes nothing."""
        setting = self.find("mode")
        return None if setting is None else find_value(setting, self._quirks.plan_mode)

    def find_supervised(self) -> str | None:
        """The mode that takes the place of the one that the agent is in; None where that one will do."""
        setting = self.find("mode")
        wanted = None if setting is None else self._quirks.supervised.get(setting.value or "")
        return find_value(setting, wanted) if setting is not None and wanted is not None else None

    def note_plan(self) -> None:
        """The lane has the agent plan from now on: what mode it comes back to is kept."""
        setting = self.find("mode")
        if setting is not None and setting.value != self.find_plan_mode():
            self._before_plan = setting.value

    def find_way_back(self) -> str | None:
        """The mode for after the lane's plan mode: the one before it, or else the first in which people are asked."""
        setting = self.find("mode")
        if setting is None or setting.value != self.find_plan_mode():
            return None
        if self._before_plan is not None:
            return self._quirks.supervised.get(self._before_plan, self._before_plan)
        others = [known.value for known in setting.values if known.value != setting.value]
        return next((value for value in others if value not in self._quirks.supervised), None)

    def _put(self, offer: Offer) -> None:
        if offer != self._offer:
            self._offer = offer
            self.changed = True


def find_value(setting: Setting, wanted: str) -> str | None:
    """A value by itself, by its end where values are addresses, or by its name; None where it is not offered."""
    for known in setting.values:
        if known.value == wanted:
            return wanted
    for known in setting.values:
        if known.value.endswith(f"#{wanted}") or known.name.casefold() == wanted.casefold():
            return known.value
    return None


def merge_choices(*choices: Choice | None) -> Choice:
    """One choice of several; the later ones go before."""
    merged = Choice()
    for choice in choices:
        if choice is not None:
            given = {name: value for name in CHOSEN if (value := getattr(choice, name)) is not None}
            merged = msgspec.structs.replace(merged, **given)
    return merged


def write_change(setting_id: str, value: str, session_id: str, protocol: int) -> tuple[str, dict[str, object]]:
    """The method and the params that change a setting."""
    if setting_id == MODE:
        return SET_MODE, {"sessionId": session_id, "modeId": value}
    if setting_id == MODEL:
        return SET_MODEL, {"sessionId": session_id, "modelId": value}
    params: dict[str, object] = {"sessionId": session_id, "configId": setting_id, "value": value}
    return SET_OPTION, params if protocol == 1 else {**params, "type": "id"}


def read_change(method: str, params: dict[str, Any]) -> tuple[str, str] | None:
    """The setting that a request changes, and its new value; None for another request."""
    if method == SET_MODE:
        return MODE, params["modeId"]
    if method == SET_MODEL:
        return MODEL, params["modelId"]
    return (params["configId"], params["value"]) if method == SET_OPTION else None


def _read_options(options: object) -> Iterator[Setting]:
    taken: set[str] = set()
    for option in options[:_SETTINGS_CAP] if isinstance(options, list) else []:
        if not isinstance(option, dict):
            continue
        setting_id = option.get("id", option.get("configId"))
        if type(setting_id) is not str or not 0 < len(setting_id) <= _ID_CAP:
            continue
        kind = _KINDS.get(str(option.get("category") or setting_id), "other")
        if kind in taken:
            kind = "other"
        taken.add(kind)
        value = option.get("currentValue")
        if type(value) is bool:
            values: tuple[SettingValue, ...] = _SWITCH
            value = "true" if value else "false"
        else:
            values = tuple(_read_values(option.get("options"), "value"))[:_VALUES_CAP]
        yield Setting(
            setting_id=setting_id,
            name=_read_name(option.get("name"), setting_id),
            kind=kind,
            value=value if type(value) is str and len(value) <= _ID_CAP else None,
            values=values,
        )


def _read_modes(modes: object) -> Setting | None:
    if not isinstance(modes, dict):
        return None
    return _read_state(MODE, "mode", "Mode", modes.get("currentModeId"), modes.get("availableModes"), "id")


def _read_models(models: object) -> Setting | None:
    if not isinstance(models, dict):
        return None
    return _read_state(MODEL, "model", "Model", models.get("currentModelId"), models.get("availableModels"), "modelId")


def _read_state(setting_id: str, kind: str, name: str, value: object, values: object, key: str) -> Setting:
    return Setting(
        setting_id=setting_id,
        name=name,
        kind=kind,
        value=value if type(value) is str and len(value) <= _ID_CAP else None,
        values=tuple(_read_values(values, key))[:_VALUES_CAP],
    )


def _read_values(entries: object, key: str) -> Iterator[SettingValue]:
    """Values, which may stand in groups."""
    for entry in entries[:_VALUES_CAP] if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        if isinstance(entry.get("options"), list):
            for member in entry["options"][:_VALUES_CAP]:
                yield from _read_values([{**member, "options": None}] if isinstance(member, dict) else [], key)
        value = entry.get(key)
        if type(value) is str and len(value) <= _ID_CAP:
            description = entry.get("description")
            yield SettingValue(
                value=value,
                name=_read_name(entry.get("name"), value),
                description=bound_text(description, _DESCRIPTION_CAP) if type(description) is str else None,
            )


def _read_commands(commands: list[Any]) -> Iterator[AgentCommand]:
    for command in commands[:_COMMANDS_CAP]:
        name = command.get("name") if isinstance(command, dict) else None
        if type(name) is not str or not 0 < len(name) <= _ID_CAP:
            continue
        description, given = command.get("description"), command.get("input")
        hint = given.get("hint") if isinstance(given, dict) else None
        yield AgentCommand(
            name=name.removeprefix("/") or name,
            description=bound_text(description, _DESCRIPTION_CAP) if type(description) is str else None,
            hint=bound_text(hint, _DESCRIPTION_CAP) if type(hint) is str else None,
        )


def _read_name(name: object, otherwise: str) -> str:
    return (bound_line(name, _NAME_CAP) if type(name) is str else "") or bound_line(otherwise, _NAME_CAP)
