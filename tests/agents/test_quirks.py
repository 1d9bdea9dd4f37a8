"""What the driver does differently for an agent: by the name that it gives itself, or by its profile."""

from __future__ import annotations

from typing import Any

import pytest

from agentlanes.adapters.agents.acp.quirks import ROWS, Quirks, read_name, read_quirks
from agentlanes.kernel.ports.agents import Launch
from agents.conversation import Dialogue, text
from agents.core_double import CoreDouble

COMMANDS = [{"name": name, "description": name} for name in ("compact", "compress", "review")]


def launch(**quirks: Any) -> Launch:
    return Launch(("agent",), {}, (), "acp", quirks=quirks)


def mode_option(current: str, *values: str) -> dict[str, Any]:
    options = [{"value": value, "name": value.title()} for value in values]
    return {
        "id": "mode",
        "name": "Mode",
        "category": "mode",
        "type": "select",
        "currentValue": current,
        "options": options,
    }


def info(name: str) -> dict[str, Any]:
    return {"name": name, "version": "1"}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("@agentclientprotocol/claude-agent-acp", "claude-agent-acp"),
        ("@agentclientprotocol/codex-acp", "codex-acp"),
        ("OpenCode", "opencode"),
        ("gemini-cli", "gemini-cli"),
        ("Copilot", "copilot"),
    ],
)
def test_the_names_that_real_agents_give_themselves_find_their_rows(name: str, row: str) -> None:
    assert read_name(name) == row and read_quirks(name, {}) == ROWS[row]


def test_a_profile_names_a_row_and_overrules_fields() -> None:
    quirks = read_quirks("mystery", {"agent": "codex-acp", "compact": "squeeze", "reject_ends_turn": False})
    assert quirks.supervised == {"agent": "workspace-write"}
    assert (quirks.compact, quirks.reject_ends_turn) == ("squeeze", False)
    assert read_quirks("mystery", {}) == Quirks() == read_quirks(None, {})


@pytest.mark.parametrize(
    ("quirks", "why"),
    [
        ({"replay": True}, "there is no quirk 'replay'"),
        ({"protocol": "1"}, "takes a value of type int"),
        ({"agent": "nobody"}, "there is no row for an agent 'nobody'"),
    ],
)
def test_quirks_that_mean_nothing_are_refused_before_the_agent_is_asked(quirks: dict[str, Any], why: str) -> None:
    dialogue = Dialogue(launch=launch(**quirks))
    assert dialogue.core.problem is not None and dialogue.core.problem.code == "CONFIG_INVALID"
    assert why in dialogue.core.problem.message and dialogue.methods() == []


def test_a_profile_can_ask_for_the_first_version_only() -> None:
    dialogue = Dialogue(launch=launch(protocol=1))
    params = dialogue.sent()[0]["params"]
    assert params["protocolVersion"] == 1 and "info" not in params and "capabilities" not in params


@pytest.mark.parametrize(
    ("name", "current", "asked"), [("codex-acp", "agent", "workspace-write"), ("other", "agent", None)]
)
def test_a_mode_in_which_the_agent_decides_itself_gives_way(name: str, current: str, asked: str | None) -> None:
    dialogue = Dialogue()
    modes = mode_option(current, "read-only", "workspace-write", "agent")
    dialogue.introduce({"configOptions": [modes]}, agentInfo=info(name))
    set_to = [message["params"]["value"] for message in dialogue.sent() if message["method"].endswith("config_option")]
    assert set_to == ([asked] if asked else [])


def test_a_mode_that_was_chosen_is_the_users_own() -> None:
    dialogue = Dialogue(launch=Launch(("agent",), {}, (), "acp", mode="agent"))
    dialogue.introduce(
        {"configOptions": [mode_option("agent", "workspace-write", "agent")]}, agentInfo=info("codex-acp")
    )
    assert dialogue.core.session.status == "attached" and dialogue.methods() == ["initialize", "session/new"]


def test_a_mode_that_takes_no_ones_place_where_it_is_not_offered() -> None:
    dialogue = Dialogue()
    dialogue.introduce({"configOptions": [mode_option("agent", "auto", "agent")]}, agentInfo=info("codex-acp"))
    assert dialogue.core.session.status == "attached"


@pytest.mark.parametrize(("name", "label"), [("codex-acp", "No (it ends its turn then)"), ("opencode", "No")])
def test_people_are_told_where_a_rejection_ends_the_turn(name: str, label: str) -> None:
    dialogue = Dialogue()
    dialogue.introduce(agentInfo=info(name))
    dialogue.core.prompt("go")
    dialogue.settle()
    options = [
        {"optionId": "y", "name": "Yes", "kind": "allow_once"},
        {"optionId": "n", "name": "No", "kind": "reject_once"},
    ]
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": options}
    dialogue.feed({"jsonrpc": "2.0", "id": 0, "method": "session/request_permission", "params": params})
    assert [option.label for option in dialogue.core.pending()[0].options] == ["Yes", label]


@pytest.mark.parametrize(("quirks", "sent"), [({"compact": "compress"}, "/compress"), ({}, "/compact")])
def test_the_command_that_sums_up(quirks: dict[str, Any], sent: str) -> None:
    dialogue = Dialogue(launch=launch(**quirks))
    dialogue.introduce(agentInfo=info("copilot"))
    dialogue.update("available_commands_update", availableCommands=COMMANDS)
    dialogue.core.prompt("Sum up the conversation so far.", action="compact")
    dialogue.settle()
    assert dialogue.sent()[-1]["params"]["prompt"] == [{"type": "text", "text": sent}]


def load_late(dialogue: Dialogue, name: str) -> None:
    introduction = {"protocolVersion": 1, "agentInfo": info(name), "agentCapabilities": {"loadSession": True}}
    dialogue.answer(1, introduction)
    modes = {"currentModeId": "default", "availableModes": [{"id": "default", "name": "Default"}]}
    dialogue.answer(2, {"modes": modes})


def test_an_agent_that_replays_late_has_its_say_before_the_session_is_open() -> None:
    """Gemini answers session/load and then tells the old conversation, which the log has."""
    dialogue = Dialogue(CoreDouble(agent_session_id="s1", listed=True))
    dialogue.core.prompt("go on")
    load_late(dialogue, "gemini-cli")
    assert dialogue.sent()[-1] == {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "session/set_mode",
        "params": {"sessionId": "s1", "modeId": "default"},
    }
    dialogue.update("user_message_chunk", content=text("asked"))
    dialogue.say("from the past")
    dialogue.answer(3, {})
    assert dialogue.sent()[-1]["id"] == 4 and dialogue.core.session.status == "attaching", "there may be more"
    dialogue.say("and more")
    dialogue.restart()
    dialogue.answer(4, {})
    dialogue.answer(5, {})
    assert dialogue.methods()[-1] == "session/prompt"
    dialogue.say("now")
    dialogue.end()
    assert [item.text for item in dialogue.items()] == ["now"]


def test_an_agent_that_is_not_known_to_replay_late_is_not_kept_waiting() -> None:
    dialogue = Dialogue(CoreDouble(agent_session_id="s1", listed=True))
    load_late(dialogue, "opencode")
    assert dialogue.core.session.status == "attached"


@pytest.mark.parametrize(("name", "method"), [("mistral-vibe", "session/resume"), ("other", "session/load")])
def test_an_agent_that_resumes_without_saying_so(name: str, method: str) -> None:
    dialogue = Dialogue(CoreDouble(agent_session_id="s1", listed=True))
    introduction = {"protocolVersion": 1, "agentInfo": info(name), "agentCapabilities": {"loadSession": True}}
    dialogue.answer(1, introduction)
    assert dialogue.methods()[-1] == method


def test_quirks_are_known_again_after_a_restart() -> None:
    dialogue = Dialogue()
    dialogue.introduce(agentInfo=info("codex-acp"))
    dialogue.core.prompt("one")
    dialogue.settle()
    dialogue.restart()
    assert dialogue.core.session.identity is not None and dialogue.core.session.identity.name == "codex-acp"
    options = [{"optionId": "n", "name": "No", "kind": "reject_once"}]
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": options}
    dialogue.feed({"jsonrpc": "2.0", "id": 0, "method": "session/request_permission", "params": params})
    assert dialogue.core.pending()[0].options[0].label == "No (it ends its turn then)"
