"""What Claude Code is told and tells, case by case."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from agentlanes.adapters.agents.drivers import open_driver
from agentlanes.adapters.agents.stream_json.claude import ClaudeDriver
from agentlanes.adapters.agents.stream_json.launching import (
    DIALECTS,
    MCP_SERVERS,
    find_dialect,
    start_claude,
    start_once,
)
from agentlanes.adapters.agents.stream_json.once import OnceDriver
from agentlanes.kernel.ports.agents import AgentView, Launch
from agentlanes.wire.models import Choice, PermissionMode, SessionOrigin
from agents.claude import (
    INTRODUCTION,
    SESSION,
    ClaudeDialogue,
    ask,
    assistant,
    delta,
    end,
    frame,
    open_dialogue,
    result_of,
    use,
)
from agents.core_double import PROCESS_ID, CoreDouble


@pytest.fixture
def claude() -> ClaudeDialogue:
    """An agent that works on a prompt."""
    dialogue = open_dialogue()
    dialogue.feed(introduce())
    dialogue.core.prompt("go")
    dialogue.settle()
    return dialogue


def introduce(**fields: Any) -> dict[str, Any]:
    response = {"subtype": "success", "request_id": "1", "response": INTRODUCTION, **fields}
    return {"type": "control_response", "response": response}


def texts(dialogue: ClaudeDialogue) -> list[tuple[str, str | None]]:
    return [(item.kind, item.text) for item in dialogue.items()]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_the_whole_message_counts_and_what_was_streamed_is_not_told_twice(claude: ClaudeDialogue) -> None:
    claude.feed(delta("text_delta", "I lo"), delta("text_delta", "ok"), assistant(text("I look.")))
    claude.feed(delta("text_delta", "Second."), assistant(text("Second.")), end(2))
    assert texts(claude) == [("message", "I look."), ("message", "Second.")]
    assert claude.core.last_turn.summary == "Second."


def test_what_was_never_streamed_is_told_whole(claude: ClaudeDialogue) -> None:
    claude.feed(assistant({"type": "thinking", "thinking": "Hm."}, text("One."), {"type": "redacted_thinking"}))
    claude.feed(assistant(text("Two."), message_id="msg_2"), end(2))
    assert texts(claude) == [("thought", "Hm."), ("message", "One."), ("message", "Two.")]


def test_edits_are_changes(claude: ClaudeDialogue) -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
    claude.feed(use("c1", "MultiEdit", file_path="/w/f", edits=edits), result_of("c1", "done"))
    claude.feed(use("c2", "Edit", file_path="/w/f", old_string="x", new_string="y"), result_of("c2", "no", well=False))
    first, second = claude.items()
    assert first.tool is not None and second.tool is not None
    assert [(each.old_text, each.new_text) for each in first.tool.changes] == [("a", "b"), ("c", "d")]
    assert (first.status, second.status, second.text) == ("completed", "failed", "no")
    assert first.tool.locations[0].path == "/w/f"


def test_a_command_has_its_exit_code(claude: ClaudeDialogue) -> None:
    claude.feed(use("c1", command="false"), result_of("c1", "Exit code 3\nno such file", well=False))
    detail = {"stdout": "out", "stderr": "err", "interrupted": False}
    claude.feed(use("c2", command="true"), result_of("c2", "out", tool_use_result=detail))
    assert [(item.tool.exit_code, item.text) for item in claude.items() if item.tool] == [
        (3, "Exit code 3\nno such file"),
        (0, "out\nerr"),
    ]


def test_a_sub_agent_speaks_below_its_call(claude: ClaudeDialogue) -> None:
    claude.feed(use("t1", "Task", description="Look", prompt="x"))
    below = {"type": "tool_use", "id": "c1", "name": "Read", "input": {"file_path": "/f"}}
    claude.feed(assistant(below, parent_tool_use_id="t1"))
    claude.feed(assistant(text("I found it."), parent_tool_use_id="t1"), result_of("c1", "content"))
    task, read = claude.items()
    assert claude.core.grown[task.item_id] == b"I found it.\n"
    assert read.tool is not None and read.tool.parent_tool_call_id == "t1"
    claude.feed(result_of("t1", "Found."), end(2))
    told = claude.items()[0].text
    assert told is not None and told.startswith("I found it.\n") and told.endswith("Found.")


def test_the_end_of_what_the_agent_began_itself_is_not_the_turns_end(claude: ClaudeDialogue) -> None:
    claude.feed(end(None, origin={"kind": "task-notification"}, result="other"))
    claude.feed(end(99))
    assert claude.core.active is not None
    claude.feed(end(2))
    assert claude.core.active is None


def test_an_old_release_names_no_messages(claude: ClaudeDialogue) -> None:
    costs = []
    for total, restarts in ((0.5, False), (0.75, False), (0.875, True)):
        if restarts:
            claude.restart()
        claude.feed(end(None, total_cost_usd=total))
        usage = claude.core.last_turn.usage
        assert usage is not None and (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (5, 2, 7)
        costs.append(usage.cost.amount if usage.cost is not None else None)
        claude.core.prompt("next")
        claude.settle()
    assert costs == [0.5, 0.25, None], "the process tells what it has cost since its start"


def test_what_is_asked_goes_back_whole_also_after_a_restart(claude: ClaudeDialogue) -> None:
    content = "x" * 300_000
    rule = {"type": "addRules", "rules": [{"toolName": "Write"}], "destination": "localSettings"}
    request = ask("r1", "c1", "Write", file_path="/f", content=content)
    request["request"]["permission_suggestions"] = [rule, {"type": "setMode", "mode": "acceptEdits"}]
    claude.feed(use("c1", "Write", file_path="/f", content=content), request)
    (approval,) = claude.core.pending()
    assert [option.kind for option in approval.options] == ["allow_once", "allow_always", "reject_once"]
    claude.restart()
    claude.core.decide(approval, "allow_always")
    claude.settle()
    answer = claude.sent()[-1]["response"]
    assert answer["request_id"] == "r1" and answer["response"]["updatedInput"]["content"] == content
    assert answer["response"]["updatedPermissions"] == [{**rule, "destination": "session"}]
    claude.feed(result_of("c1", "written"))
    assert claude.core.cursor.rest > 300_000, "what was answered is not read again"


def test_a_question_that_the_agent_takes_back_is_answered_with_no(claude: ClaudeDialogue) -> None:
    claude.feed(use("c1"), ask("r1", "c1"), {"type": "control_cancel_request", "request_id": "r1"})
    assert claude.sent()[-1]["response"]["response"]["behavior"] == "deny"
    assert not claude.core.pending()


def test_a_lane_that_plans_is_told_before_the_next_prompt(claude: ClaudeDialogue) -> None:
    claude.feed(end(2))
    claude.core.prompt("next")
    planning = msgspec.structs.replace(claude.core.view(), permission_mode="plan")
    claude.driver.follow(planning)
    step = claude.driver.collect(planning)
    assert step is not None
    claude.core.apply(step)
    *_, mode, prompt = claude.sent()
    assert mode["request"] == {"subtype": "set_permission_mode", "mode": "plan"} and prompt["type"] == "user"


def test_a_conversation_that_is_not_there_is_said_so() -> None:
    core = CoreDouble(agent_session_id="old", listed=True, jsonrpc=None)
    dialogue = open_dialogue(core)
    told = {
        "type": "result",
        "subtype": "error_during_execution",
        "is_error": True,
        "errors": ["No conversation found"],
    }
    dialogue.feed(told)
    assert core.problem is not None and core.problem.code == "RESUME_FAILED"
    assert "No conversation found" in core.problem.message


def test_compaction_retries_and_limits_are_shown(claude: ClaudeDialogue) -> None:
    claude.feed(frame("system", subtype="status", status="compacting"))
    assert claude.core.session.activity == "Compacting"
    claude.feed(frame("system", subtype="compact_boundary", compact_metadata={"pre_tokens": 9, "post_tokens": 3}))
    claude.feed(frame("system", subtype="api_retry", attempt=1, max_retries=10, error_status=529))
    assert "1 of 10" in (claude.core.session.activity or "")
    claude.feed({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 7}})
    claude.feed(frame("system", subtype="informational", content="Mind the gap"), end(2))
    told = dict(texts(claude))
    assert told["compaction"] == "9 tokens became 3"
    notices = "\n".join(words or "" for kind, words in texts(claude) if kind == "notice")
    assert "status 529" in notices and "rejected" in notices and "Mind the gap" in notices


def test_the_id_of_another_conversation_is_kept(claude: ClaudeDialogue) -> None:
    claude.feed({"type": "system", "subtype": "init", "session_id": "after-clear", "permissionMode": "plan"})
    assert claude.core.session.agent_session_id in ("after-clear", SESSION)
    offer = claude.core.session.offer
    assert offer is not None
    assert next(setting.value for setting in offer.settings if setting.kind == "mode") == "plan"


@pytest.mark.parametrize(
    ("program", "permission_mode", "mode", "words"),
    [
        ("cursor-agent", "auto", None, ()),
        ("cursor-agent", "plan", "ask", ("--mode", "plan")),
        ("cursor-agent", "supervised", "ask", ("--mode", "ask")),
        ("droid", "auto", None, ()),
        ("droid", "plan", "high", ("--use-spec",)),
        ("droid", "supervised", "low", ("--auto", "low")),
    ],
)
def test_an_agent_that_cannot_ask_gets_no_rights_that_nobody_wrote(
    program: str, permission_mode: PermissionMode, mode: str | None, words: tuple[str, ...]
) -> None:
    launch = Launch((program,), {}, (), "stream_json", mode=mode)
    view = msgspec.structs.replace(CoreDouble().view(), permission_mode=permission_mode)
    start = start_once(DIALECTS[find_dialect(launch)], launch, view, "go")
    told = ("--mode", "--auto", "--force", "--use-spec", "plan", "ask", "low", "high")
    rest = [word for word in start.argv if word in told]
    assert tuple(rest) == words


ARGV = Launch(("claude",), {}, (), "stream_json")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ["--permission-mode default", "--session-id"]),
        ({"listed": True, "agent_session_id": "old"}, ["--resume old"]),
        ({"agent_session_id": "old"}, ["--session-id"]),
        ({"origin": SessionOrigin(kind="fork", agent_session_id="old")}, ["--resume old --fork-session --session-id"]),
        ({"origin": SessionOrigin(kind="adopt", agent_session_id="old")}, ["--resume old"]),
        (
            {"choice": Choice(model="opus", effort="low", mode="acceptEdits")},
            ["--model opus", "--effort low", "acceptEdits"],
        ),
    ],
)
def test_it_is_started_for_its_conversation(fields: dict[str, Any], words: list[str]) -> None:
    view = CoreDouble(jsonrpc=None).view()
    session = msgspec.structs.replace(view.session, **fields)
    start = start_claude(ARGV, AgentView(session, None, (), (), "/", ""), PROCESS_ID)
    line = " ".join(start.argv)
    assert all(word in line for word in words), line
    assert ("--resume" in line) == any("--resume" in word for word in words)


def test_servers_with_secrets_stay_out_of_what_is_recorded() -> None:
    server = {"name": "docs", "command": "docs-mcp", "args": ["-v"], "env": [{"name": "KEY", "value": "secret"}]}
    launch = Launch(("claude",), {}, (), "stream_json", mcp_servers=(server,))
    start = start_claude(launch, CoreDouble(jsonrpc=None).view(), PROCESS_ID)
    assert "secret" not in " ".join(start.argv) and start.argv[-2] == "--mcp-config"
    written = json.loads(start.fills[start.argv[-1]])
    assert written == {"mcpServers": {"docs": {"command": "docs-mcp", "args": ["-v"], "env": {"KEY": "secret"}}}}


def test_our_own_server_asks_people_itself_and_claude_is_told_not_to() -> None:
    ours = {"name": "our lanes", "command": "python", "args": ["-P", "-m", "agentlanes", "mcp", "--session", "ss_1"]}
    docs = {"name": "docs", "command": "docs-mcp", "args": []}
    launch = Launch(("claude",), {}, (), "stream_json", mcp_servers=(ours, docs))
    start = start_claude(launch, CoreDouble(jsonrpc=None).view(), PROCESS_ID)
    assert start.argv[-2:] == ("--allowed-tools", "mcp__our_lanes")
    servers = json.loads(start.fills[MCP_SERVERS])["mcpServers"]
    assert servers["our lanes"]["args"][-2:] == ["--patience", "36000"] and servers["docs"]["args"] == []


@pytest.mark.parametrize(
    ("argv", "quirks", "dialect"),
    [
        (("/opt/claude",), {}, "claude"),
        (("amp",), {}, "amp"),
        (("/usr/bin/cursor-agent",), {}, "cursor"),
        (("droid", "exec"), {}, "droid"),
        (("node", "cli.js"), {}, "claude"),
        (("node", "cli.js"), {"dialect": "amp"}, "amp"),
    ],
)
def test_an_agent_is_known_by_its_program_or_the_profiles_word(
    argv: tuple[str, ...], quirks: dict[str, str], dialect: str
) -> None:
    launch = Launch(argv, {}, (), "stream_json", quirks=quirks)
    assert find_dialect(launch) == dialect
    driver = open_driver(CoreDouble().session, launch)
    assert isinstance(driver, ClaudeDriver if dialect == "claude" else OnceDriver)
