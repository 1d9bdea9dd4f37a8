"""What an agent offers, and how its settings follow what was chosen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import Choice, SettingValue
from agents.conversation import Dialogue
from agents.core_double import CoreDouble

MODES = {
    "currentModeId": "ask",
    "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "plan", "name": "Plan", "description": "Only plans"}],
}
MODELS = {"currentModelId": "small", "availableModels": [{"modelId": "small", "name": "Small"}, {"modelId": "big"}]}
EFFORT = {
    "id": "reasoning_effort",
    "name": "Effort",
    "category": "thought_level",
    "type": "select",
    "currentValue": "low",
    "options": [{"value": "low", "name": "Low"}, {"value": "high", "name": "High"}],
}
FAST = {"id": "fast", "name": "Fast", "type": "boolean", "currentValue": False}
ADDRESSES = {
    "id": "mode",
    "name": "Mode",
    "category": "mode",
    "type": "select",
    "currentValue": "https://modes.example#agent",
    "options": [{"value": f"https://modes.example#{name}", "name": name.title()} for name in ("agent", "plan")],
}


def open_dialogue(opened: dict[str, Any], core: CoreDouble | None = None, launch: Launch | None = None) -> Dialogue:
    dialogue = Dialogue(core, launch or Launch(("agent",), {}, (), "acp"))
    dialogue.introduce(opened)
    return dialogue


def values(dialogue: Dialogue) -> dict[str, str | None]:
    offer = dialogue.core.session.offer
    assert offer is not None
    return {setting.kind: setting.value for setting in offer.settings}


def test_modes_models_and_options_are_settings() -> None:
    dialogue = open_dialogue({"modes": MODES, "models": MODELS, "configOptions": [EFFORT, FAST, "odd", {"id": 3}]})
    offer = dialogue.core.session.offer
    assert offer is not None
    assert [(setting.setting_id, setting.kind, setting.value) for setting in offer.settings] == [
        ("reasoning_effort", "effort", "low"),
        ("fast", "other", "false"),
        ("acp/mode", "mode", "ask"),
        ("acp/model", "model", "small"),
    ]
    assert offer.settings[2].values[1] == SettingValue(value="plan", name="Plan", description="Only plans")
    assert (offer.steer, offer.fork, offer.compact) == (False, False, None)


def test_a_mode_that_is_a_config_option_as_well_is_offered_once() -> None:
    dialogue = open_dialogue({"modes": MODES, "configOptions": [ADDRESSES]})
    offer = dialogue.core.session.offer
    assert offer is not None and [setting.setting_id for setting in offer.settings] == ["mode"]


def test_updates_keep_the_offer_current() -> None:
    dialogue = open_dialogue({"modes": MODES, "configOptions": [EFFORT]})
    dialogue.update("current_mode_update", currentModeId="plan")
    dialogue.update("config_option_update", configOptions=[{**EFFORT, "currentValue": "high"}, FAST])
    assert values(dialogue) == {"mode": "plan", "effort": "high", "other": "false"}
    commands = [{"name": "review", "description": "Reviews", "input": {"hint": "what"}}, {"name": ""}, 7]
    dialogue.update("available_commands_update", availableCommands=commands)
    offer = dialogue.core.session.offer
    assert offer is not None and (offer.review, offer.compact) == (True, False)
    assert [(command.name, command.hint) for command in offer.commands] == [("review", "what")]
    dialogue.restart()
    assert dialogue.core.session.offer == offer
    dialogue.update("current_mode_update", "another session", currentModeId="ask")
    assert values(dialogue)["mode"] == "plan"


def test_what_is_offered_before_the_answer_to_session_new_counts() -> None:
    dialogue = Dialogue()
    dialogue.answer(1, {"protocolVersion": 1})
    for session in ("s1", "another"):
        name = f"for-{session}"
        dialogue.update("available_commands_update", session, availableCommands=[{"name": name, "description": ""}])
    dialogue.update("available_commands_update", "s1", availableCommands=[{"name": "compact", "description": ""}])
    dialogue.answer(2, {"sessionId": "s1"})
    offer = dialogue.core.session.offer
    assert offer is not None and offer.compact and [command.name for command in offer.commands] == ["compact"]


def test_the_sessions_choice_goes_before_the_profiles() -> None:
    core = CoreDouble()
    core.choose(Choice(mode="plan", effort="High"))
    launch = Launch(("agent",), {}, (), "acp", mode="ask", model="big")
    dialogue = open_dialogue({"modes": MODES, "models": MODELS, "configOptions": [EFFORT]}, core, launch)
    for n in (3, 4, 5):
        assert dialogue.core.session.status == "attaching"
        dialogue.answer(n, {})
    assert [message["params"] for message in dialogue.sent()[2:]] == [
        {"sessionId": "s1", "modeId": "plan"},
        {"sessionId": "s1", "modelId": "big"},
        {"sessionId": "s1", "configId": "reasoning_effort", "value": "high"},
    ]
    assert values(dialogue) == {"mode": "plan", "model": "big", "effort": "high"}


def test_a_turns_choice_is_set_before_its_prompt() -> None:
    dialogue = open_dialogue({"modes": MODES, "configOptions": [EFFORT]})
    dialogue.core.prompt("go", choice=Choice(mode="plan", effort="high"))
    dialogue.settle()
    assert dialogue.methods()[2:] == ["session/set_mode"]
    dialogue.answer(3, {})
    assert dialogue.methods()[3:] == ["session/set_config_option"]
    dialogue.answer(4, {"configOptions": [{**EFFORT, "currentValue": "high"}]})
    assert dialogue.methods()[4:] == ["session/prompt"]
    assert values(dialogue) == {"mode": "plan", "effort": "high"}
    dialogue.end()
    dialogue.core.prompt("again", choice=Choice(effort="high"))
    dialogue.settle()
    assert dialogue.methods()[5:] == ["session/prompt"], "what is set already is not asked for"


def test_what_was_chosen_for_the_session_later_is_set_once() -> None:
    dialogue = open_dialogue({"modes": MODES})
    dialogue.core.choose(Choice(mode="plan"))
    dialogue.core.prompt("go")
    dialogue.settle()
    dialogue.answer(3, {})
    dialogue.end()
    # The plan was accepted: the agent goes over to another mode, and stays in it.
    dialogue.update("current_mode_update", currentModeId="ask")
    dialogue.core.prompt("on")
    dialogue.settle()
    assert dialogue.methods()[2:] == ["session/set_mode", "session/prompt", "session/prompt"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_refused_choice_sends_no_prompt(restart: bool) -> None:
    dialogue = open_dialogue({"modes": MODES})
    dialogue.core.prompt("go", choice=Choice(mode="plan"))
    dialogue.settle()
    if restart:
        dialogue.restart()
    for n in range(3, len(dialogue.sent()) + 1):
        dialogue.answer(n, error={"code": -32602, "message": "not now"})
    turn = dialogue.core.last_turn
    assert turn.status == "failed" and turn.problem is not None and "session/prompt" not in dialogue.methods()
    assert turn.problem.message == (
        "mode 'plan' is wanted and the agent refused (not now); it offers ask, plan; name one of them as mode of the "
        "profile or of the choice"
    )
    dialogue.core.prompt("then so")
    dialogue.settle()
    assert dialogue.methods()[-1] == "session/prompt"


def test_a_turn_that_is_interrupted_while_its_settings_change_is_never_sent() -> None:
    dialogue = open_dialogue({"modes": MODES})
    dialogue.core.prompt("go", choice=Choice(mode="plan"))
    dialogue.settle()
    dialogue.core.interrupt()
    dialogue.settle()
    assert dialogue.core.last_turn.status == "interrupted"
    dialogue.core.prompt("next", choice=Choice(mode="ask"))
    dialogue.settle()
    dialogue.answer(3, {})
    dialogue.answer(4, {})
    assert dialogue.methods()[2:] == ["session/set_mode", "session/set_mode", "session/prompt"]


def test_a_choice_that_is_not_offered_fails_its_turn() -> None:
    dialogue = open_dialogue({"modes": MODES})
    dialogue.core.prompt("go", choice=Choice(model="big"))
    dialogue.settle()
    problem = dialogue.core.last_turn.problem
    assert problem is not None and "model 'big' is wanted and the agent offers no choice" in problem.message


def test_the_lanes_plan_mode_is_the_agents() -> None:
    core = CoreDouble()
    core.permission_mode = "plan"
    dialogue = open_dialogue({"configOptions": [ADDRESSES]}, core)
    assert dialogue.sent()[-1]["params"]["value"] == "https://modes.example#plan"
    dialogue.answer(3, {})
    core.prompt("go")
    dialogue.settle()
    dialogue.end()
    core.permission_mode = "supervised"
    core.prompt("on")
    dialogue.settle()
    assert dialogue.sent()[-1]["params"]["value"] == "https://modes.example#agent", "and back"
    dialogue.answer(5, {})
    assert dialogue.methods()[-1] == "session/prompt"


def test_an_agent_without_a_plan_mode_does_not_work_in_a_lane_that_plans() -> None:
    core = CoreDouble()
    core.permission_mode = "plan"
    dialogue = open_dialogue({}, core)
    problem = dialogue.core.problem
    assert problem is not None and problem.code == "AGENT_REFUSED"
    assert "has no mode in which it changes nothing (it offers no modes)" in problem.message


def test_a_lane_that_plans_from_now_on_stops_an_agent_that_cannot() -> None:
    dialogue = open_dialogue({"modes": {"currentModeId": "a", "availableModes": [{"id": "a", "name": "Act"}]}})
    dialogue.core.permission_mode = "plan"
    dialogue.core.prompt("go")
    dialogue.settle()
    turn = dialogue.core.last_turn
    assert turn.status == "failed" and turn.problem is not None and "it offers the modes Act" in turn.problem.message


def test_an_action_is_a_command_of_the_agents() -> None:
    dialogue = open_dialogue({})
    dialogue.core.prompt("Review the changes of this lane.", action="review")
    dialogue.settle()
    problem = dialogue.core.last_turn.problem
    assert problem is not None and "the agent has no command 'review', by which it would review" in problem.message
    commands = [
        {"name": "review", "description": "", "input": {"hint": "what"}},
        {"name": "compact", "description": ""},
    ]
    dialogue.update("available_commands_update", availableCommands=commands)
    for action, prompt in (("review", "the tests"), ("review", "Review the changes of this lane."), ("compact", "all")):
        dialogue.core.prompt(prompt, action=action)
        dialogue.settle()
        dialogue.end()
    sent = [message["params"]["prompt"][0]["text"] for message in dialogue.sent() if "prompt" in message["params"]]
    assert sent == ["/review the tests", "/review", "/compact"]


def test_mcp_servers_are_passed_on() -> None:
    servers = (
        {"name": "files", "command": "/bin/mcp"},
        {
            "type": "stdio",
            "name": "git",
            "command": "/bin/git-mcp",
            "args": ["x"],
            "env": [{"name": "A", "value": "b"}],
        },
        {"type": "http", "name": "web", "url": "http://127.0.0.1:1/mcp"},
    )
    launch = Launch(("agent",), {}, (), "acp", mcp_servers=servers)
    dialogue = Dialogue(launch=launch)
    dialogue.answer(1, {"protocolVersion": 1, "agentCapabilities": {"mcpCapabilities": {"http": True}}})
    assert dialogue.sent()[1]["params"]["mcpServers"] == [
        {"name": "files", "command": "/bin/mcp", "args": [], "env": []},
        {"name": "git", "command": "/bin/git-mcp", "args": ["x"], "env": [{"name": "A", "value": "(in no log)"}]},
        {"type": "http", "name": "web", "url": "http://127.0.0.1:1/mcp", "headers": []},
    ]
    delivered = msgspec.json.decode(dialogue.unlogged[2])
    assert delivered["id"] == 2 and delivered["params"]["cwd"] == "/nowhere"
    assert delivered["params"]["mcpServers"][1]["env"] == [{"name": "A", "value": "b"}]
    dialogue = Dialogue(launch=launch)
    dialogue.answer(1, {"protocolVersion": 1})
    problem = dialogue.core.problem
    assert problem is not None
    assert "the MCP server web is reached by http, and this agent reaches servers by stdio" in problem.message
