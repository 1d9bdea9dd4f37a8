"""What Claude Code says that it can do."""

from __future__ import annotations

from typing import Any

import msgspec

from agentlanes.adapters.agents.dialogue.frames import bound_line, bound_text
from agentlanes.wire.models import AgentCommand, Offer, Setting, SettingValue

MODES = (
    ("default", "Ask", "Asks before it writes or runs something"),
    ("acceptEdits", "Accept edits", "Writes files in its folder without asking"),
    ("plan", "Plan", "Reads and makes a plan, and changes nothing"),
)
_TEXT_CAP = 8192
_ID_CAP = 512
_COMMANDS_CAP = 1000
_REVIEWS = ("review", "code-review")


def read_offer(given: dict[str, Any]) -> Offer:
    """The offer in the answer to initialize."""
    commands = tuple(_read_commands(given.get("commands")))
    names = {command.name for command in commands}
    mode = given.get("current_permission_mode")
    settings = [
        Setting(
            setting_id="mode",
            name="Permission mode",
            kind="mode",
            value=bound_text(mode, _ID_CAP) if type(mode) is str else None,
            values=tuple(SettingValue(value=value, name=name, description=text) for value, name, text in MODES),
        )
    ]
    models, efforts = _read_models(given.get("models"))
    if models:
        settings.append(Setting(setting_id="model", name="Model", kind="model", values=models))
    if efforts:
        values = tuple(SettingValue(value=effort, name=effort) for effort in efforts)
        settings.append(Setting(setting_id="effort", name="Effort", kind="effort", values=values))
    return Offer(
        steer=True,
        fork=True,
        fork_at_turn=True,
        compact=True if "compact" in names else None,
        review=True if find_review(names) is not None else None,
        settings=tuple(settings),
        commands=commands,
    )


def find_review(names: set[str]) -> str | None:
    """The command that reviews the changes."""
    return next((name for name in _REVIEWS if name in names), None)


def change_setting(offer: Offer, kind: str, value: str) -> Offer:
    """The offer when a setting has another value."""
    settings = tuple(
        msgspec.structs.replace(each, value=value) if each.kind == kind else each for each in offer.settings
    )
    return msgspec.structs.replace(offer, settings=settings)


def _read_commands(commands: object) -> list[AgentCommand]:
    found = []
    for command in commands[:_COMMANDS_CAP] if isinstance(commands, list) else []:
        name = command.get("name") if isinstance(command, dict) else None
        if type(name) is str and 0 < len(name) <= _ID_CAP and not name.startswith("_"):
            text, hint = command.get("description"), command.get("argumentHint")
            found.append(
                AgentCommand(
                    name=name,
                    description=bound_text(text, 500) if type(text) is str and text else None,
                    hint=bound_line(hint, 500) if type(hint) is str and hint else None,
                )
            )
    return found


def _read_models(models: object) -> tuple[tuple[SettingValue, ...], tuple[str, ...]]:
    values: list[SettingValue] = []
    efforts: dict[str, None] = {}
    for model in models[:100] if isinstance(models, list) else []:
        value = model.get("value") if isinstance(model, dict) else None
        if type(value) is not str or not 0 < len(value) <= _ID_CAP:
            continue
        name, text = model.get("displayName"), model.get("description")
        values.append(
            SettingValue(
                value=value,
                name=bound_text(name, _TEXT_CAP) if type(name) is str and name else value,
                description=bound_text(text, _TEXT_CAP) if type(text) is str and text else None,
            )
        )
        levels = model.get("supportedEffortLevels")
        efforts |= {
            level: None for level in (levels[:20] if isinstance(levels, list) else []) if type(level) is str and level
        }
    return tuple(values), tuple(efforts)
