"""How a session with Codex opens, what each turn of it is told, and how it ends."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentlanes.adapters.agents.codex import driver as codex_driver
from agentlanes.adapters.agents.codex.handshake import Handshake
from agentlanes.adapters.agents.codex.sandbox import Bounds, choose_bounds
from agentlanes.adapters.agents.dialogue.outbox import Outbox
from agentlanes.kernel.ports.agents import Launch
from agentlanes.wire.models import Choice, PermissionMode, ResourceLink, SessionOrigin
from agents.codex import begin, prompt, start
from agents.conversation import DEMO
from agents.core_double import CoreDouble


def test_the_thread_and_the_models_are_asked_for_together() -> None:
    speaker = start()
    speaker.feed(speaker.answer())
    assert [message["method"] for message in speaker.dialogue.sent()] == [
        "initialize",
        "initialized",
        "thread/start",
        "model/list",
    ]


ORIGIN = SessionOrigin(kind="fork", agent_session_id="th0", agent_turn_id="turn-9")


@pytest.mark.parametrize(
    ("session", "method", "params"),
    [
        ({"agent_session_id": "th0", "listed": True}, "thread/resume", {"threadId": "th0", "excludeTurns": True}),
        ({"agent_session_id": "th0"}, "thread/start", {}),
        ({"origin": ORIGIN}, "thread/fork", {"threadId": "th0", "lastTurnId": "turn-9", "excludeTurns": True}),
        ({"origin": msgspec.structs.replace(ORIGIN, agent_turn_id=None)}, "thread/fork", {"threadId": "th0"}),
        ({"origin": SessionOrigin(kind="handover")}, "thread/start", {}),
        ({"choice": Choice(model="m2", mode="read-only")}, "thread/start", {"model": "m2", "sandbox": "read-only"}),
    ],
)
def test_the_thread_is_the_one_that_the_session_goes_on_from(
    session: dict[str, Any], method: str, params: dict[str, Any]
) -> None:
    speaker = start(**session)
    speaker.feed(speaker.answer())
    (asked,) = [message for message in speaker.dialogue.sent() if message["method"] == method]
    assert asked["params"].items() >= params.items()
    assert asked["params"]["approvalsReviewer"] == "user"


def test_a_fork_that_was_prompted_is_resumed_by_its_own_id() -> None:
    speaker = start(origin=ORIGIN, agent_session_id="th1", listed=True)
    speaker.feed(speaker.answer())
    assert speaker.dialogue.sent()[2]["method"] == "thread/resume"
    assert speaker.dialogue.sent()[2]["params"]["threadId"] == "th1"


def test_a_thread_that_is_gone_is_not_replaced() -> None:
    speaker = start(agent_session_id="th0", listed=True)
    speaker.feed(speaker.answer())
    speaker.feed([{"id": 3, "error": {"code": -32600, "message": "no rollout found"}}, {"id": 4, "result": {}}])
    problem = speaker.dialogue.core.problem
    assert problem is not None and problem.code == "RESUME_FAILED" and "no rollout found" in problem.message


def test_a_session_without_a_list_of_models_opens_all_the_same() -> None:
    speaker = start()
    speaker.feed(speaker.answer())
    speaker.feed([{"id": 4, "error": {"code": -1, "message": "no"}}, {"id": 3, "result": {"thread": {"id": "th1"}}}])
    assert speaker.dialogue.core.session.status == "attached"


def test_a_mode_that_is_no_sandbox_is_refused() -> None:
    speaker = start(Launch(DEMO, {}, (), "codex", mode="yolo"))
    problem = speaker.dialogue.core.problem
    assert problem is not None and "read-only" in problem.message


def test_mcp_servers_are_told_whole_and_recorded_without_their_secrets() -> None:
    local = {"name": "files", "command": "mcp-files", "args": ["-v"], "env": [{"name": "KEY", "value": "hush"}]}
    remote = {"name": "far", "url": "http://127.0.0.1:9/", "headers": [{"name": "Authorization", "value": "hush"}]}
    ours = {"name": "lanes", "command": "python", "args": ["-P", "-m", "agentlanes", "mcp", "--session", "ss_1"]}
    handshake = Handshake(Launch(DEMO, {}, (), "codex", mcp_servers=(local, remote, ours)), "0")
    outbox, view = Outbox((), None), CoreDouble().view()
    handshake.follow(view, outbox)
    handshake.receive(1, {}, None)
    handshake.follow(view, outbox)
    (told,) = outbox.take_unlogged().values()
    servers = msgspec.json.decode(told)["params"]["config"]["mcp_servers"]
    assert servers == {
        "files": {"command": "mcp-files", "args": ["-v"], "env": {"KEY": "hush"}},
        "far": {"url": "http://127.0.0.1:9/", "http_headers": {"Authorization": "hush"}},
        # Which asks people itself, and waits for them.
        "lanes": {
            "command": "python",
            "args": [*ours["args"], "--patience", "36000"],
            "default_tools_approval_mode": "approve",
            "tool_timeout_sec": 36_000,
        },
    }
    recorded = [write.data for write in outbox.take()]
    assert "mcp-files" in recorded[2]
    assert not any("hush" in data for data in recorded)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_restart_in_the_handshake_asks_nothing_twice(cut: int) -> None:
    speaker = start()
    for step in range(1, 4):
        if step == cut:
            speaker.dialogue.restart()
        speaker.feed(speaker.answer())
    assert speaker.dialogue.core.session.status == "attached"
    assert len(speaker.dialogue.sent()) == 4


@pytest.mark.parametrize(
    ("permission_mode", "mode", "sandbox", "policy"),
    [
        ("supervised", None, "read-only", "on-request"),
        ("supervised", "danger-full-access", "read-only", "on-request"),
        ("plan", "workspace-write", "read-only", "never"),
        ("auto", None, "workspace-write", "on-request"),
        ("auto", "read-only", "read-only", "on-request"),
        ("auto", "danger-full-access", "danger-full-access", "on-request"),
        ("auto", "of-a-kind-to-come", "workspace-write", "on-request"),
    ],
)
def test_a_mode_never_widens_what_the_lane_permits(
    permission_mode: PermissionMode, mode: str | None, sandbox: str, policy: str
) -> None:
    assert choose_bounds(permission_mode, mode, "/w") == Bounds(sandbox, policy, "/w")


def test_each_turn_says_where_and_within_what_it_works() -> None:
    speaker = begin()
    speaker.feed(speaker.end("completed"))
    for params in (speaker.prompts()[0]["params"], prompt(speaker)):
        assert params["sandboxPolicy"] == {"type": "readOnly", "networkAccess": False}
        assert (params["approvalPolicy"], params["cwd"]) == ("on-request", "/nowhere")


def test_what_may_be_written_does_not_hold_temporary_folders() -> None:
    policy: Any = choose_bounds("auto", None, "/w").write_turn()["sandboxPolicy"]
    assert policy["excludeSlashTmp"] and policy["excludeTmpdirEnvVar"] and policy["networkAccess"] is False


def test_a_turn_in_another_sandbox_than_was_asked_for_is_stopped() -> None:
    speaker = start()
    speaker.open()
    settings = {"sandboxPolicy": {"type": "dangerFullAccess"}, "approvalPolicy": "on-request", "cwd": "/nowhere"}
    speaker.feed([speaker.tell("thread/settings/updated", threadSettings=settings)])
    prompt(speaker)
    assert speaker.dialogue.sent()[-1]["method"] == "turn/interrupt"
    speaker.feed(speaker.end("interrupted"))
    speaker.feed(speaker.answer())
    turn = speaker.dialogue.core.last_turn
    assert turn.status == "failed" and turn.problem is not None and "dangerFullAccess" in turn.problem.message


def test_fields_of_a_sandbox_that_are_not_known_are_passed_over() -> None:
    echo = {"sandboxPolicy": {"type": "readOnly", "networkAccess": False, "later": 1}, "cwd": "/w"}
    assert Bounds("read-only", "on-request", "/w").differ_from(echo) is None
    assert Bounds("read-only", "on-request", "/x").differ_from(echo) is not None


def test_what_a_prompt_points_to_is_mentioned() -> None:
    speaker = start()
    speaker.open()
    links = (ResourceLink(uri="file:///w/a%20b.py", name="a b.py"), ResourceLink(uri="zed:///thread/1", name="thread"))
    params = prompt(speaker, "look", links=links)
    assert params["input"][1:] == [
        {"type": "mention", "name": "a b.py", "path": "/w/a b.py"},
        {"type": "text", "text": "thread: zed:///thread/1", "text_elements": []},
    ]


def test_a_turns_choice_goes_before_the_sessions_and_that_before_the_profiles() -> None:
    speaker = start(Launch(DEMO, {}, (), "codex", model="p", effort="low"), choice=Choice(effort="medium"))
    speaker.open()
    params = prompt(speaker, choice=Choice(effort="high"))
    assert (params["model"], params["effort"]) == ("p", "high")


def test_further_input_names_the_turn_that_it_is_for() -> None:
    speaker = begin()
    core = speaker.dialogue.core
    core.steer("mind the tests")
    speaker.dialogue.settle()
    speaker.dialogue.restart()
    (steered,) = [message for message in speaker.dialogue.sent() if message["method"] == "turn/steer"]
    assert steered["params"]["expectedTurnId"] == speaker.turn_id()
    speaker.feed([{"id": steered["id"], "error": {"code": -32600, "message": "not steerable"}}])
    problem = core.last_turn.steers[0].problem
    assert problem is not None and "not steerable" in problem.message


def test_an_interrupt_is_over_when_its_commands_are() -> None:
    speaker = begin()
    core = speaker.dialogue.core
    speaker.feed(speaker.begin_tool("c1"))
    core.interrupt()
    speaker.dialogue.settle()
    speaker.feed([*speaker.answer(), *speaker.end("interrupted")])
    assert speaker.dialogue.sent()[-1]["method"] == "thread/backgroundTerminals/clean"
    speaker.dialogue.restart()
    speaker.feed(speaker.answer())
    assert core.active is not None
    speaker.dialogue.restart()
    speaker.feed(speaker.end_tool("c1", "so far", well=False))
    assert core.last_turn.status == "interrupted"
    (item,) = speaker.dialogue.items()
    assert (item.status, item.text) == ("failed", "so far")


def test_a_command_whose_end_is_never_told_does_not_hold_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codex_driver, "CLEAN_PATIENCE", -codex_driver.CLEAN_PATIENCE)
    speaker = begin()
    speaker.feed(speaker.begin_tool("c1"))
    speaker.dialogue.core.interrupt()
    speaker.dialogue.settle()
    speaker.feed([*speaker.answer(), *speaker.end("interrupted")])
    speaker.feed(speaker.answer())
    assert speaker.dialogue.core.last_turn.status == "interrupted"


def test_the_end_of_an_old_turn_ends_no_other() -> None:
    speaker = begin()
    old = speaker.end("completed")
    speaker.feed(old)
    prompt(speaker)
    speaker.feed([*old, *speaker.say("new", "m1")])
    assert speaker.dialogue.core.last_turn.status == "running"


def test_words_of_an_old_turn_are_not_the_new_ones_and_a_commands_end_is_told() -> None:
    speaker = begin()
    late = [*speaker.say("old", "m1"), *speaker.end_tool("c1", "killed", well=False)]
    speaker.feed(speaker.end("completed"))
    prompt(speaker)
    speaker.feed([*late, *speaker.say("new", "m2")])
    assert [item.text for item in speaker.dialogue.items()] == ["killed", "new"]


def test_what_comes_after_the_end_belongs_to_the_turn() -> None:
    speaker = begin()
    speaker.feed(speaker.begin_tool("c1"))
    speaker.feed(speaker.end("completed"))
    speaker.feed(speaker.end_tool("c1", "late"))
    assert [(item.text, item.status) for item in speaker.dialogue.items()] == [
        (None, "completed"),
        ("late", "completed"),
    ]


def test_an_end_before_the_answer_to_the_prompt_is_its_end() -> None:
    speaker = start()
    speaker.open()
    core = speaker.dialogue.core
    core.prompt("go")
    speaker.dialogue.settle()
    speaker.feed([*speaker.say("fast", "m1"), *speaker.end("completed")])
    speaker.feed(speaker.answer())
    assert (core.last_turn.status, core.last_turn.summary) == ("completed", "fast")


@pytest.mark.parametrize(
    ("info", "advice"),
    [("unauthorized", "codex login"), ("contextWindowExceeded", "compact"), ({"httpConnectionFailed": {}}, "no")],
)
def test_a_failure_says_what_would_help(info: Any, advice: str) -> None:
    speaker = begin()
    turn = {"id": speaker.turn_id(), "status": "failed", "error": {"message": "no", "codexErrorInfo": info}}
    speaker.feed([speaker.tell("turn/completed", turn=turn)])
    problem = speaker.dialogue.core.last_turn.problem
    assert problem is not None and problem.code == "AGENT_REFUSED" and advice in problem.message


def test_an_error_on_which_it_tries_again_is_a_notice() -> None:
    speaker = begin()
    error = {"message": "Reconnecting...", "codexErrorInfo": None, "additionalDetails": "refused"}
    speaker.feed([speaker.tell("error", error=error, willRetry=True, turnId=speaker.turn_id())] * 2)
    (item,) = speaker.dialogue.items()
    assert (item.kind, item.text) == ("notice", "Codex tries again\nReconnecting...: refused\nReconnecting...: refused")
