"""Our MCP server: the official SDK speaks with it, and Codex and Claude use it from their lanes."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, join
from e2e.story import list_items, make_lane, make_session, prompt, resolve, script, wait_approval, wait_turn
from fakes.models.messages import Messages
from fakes.models.responses import Responses
from fakes.models.script import write_script
from fakes.models.server import ModelServer, Wire
from real_agents.acp_agents import settle_claude
from real_agents.codex_place import write_home
from real_agents.install import find_codex, find_modules, find_program

# What the SDK and two real agents take is more than every run has.
pytestmark = pytest.mark.more_agents

ASKS = "Write GREETING"
"""What the demo agent asks for before it does it."""


class Sdk:
    """A client of the official SDK, in a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.about: dict[str, Any] = self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def ask(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The whole result of a tool."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        result: dict[str, Any] = self._read()
        return result

    def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """What a tool gives, which did its work."""
        result = self.ask(name, **arguments)
        assert not result.get("isError") and "refused" not in result, result
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        given: dict[str, Any] = result["structuredContent"]
        return given

    def fail(self, name: str, /, **arguments: Any) -> str:
        """What is told of a call that was refused."""
        result = self.ask(name, **arguments)
        assert result["isError"], result
        return json.dumps(result["structuredContent"]["error"])


@contextmanager
def open_sdk(rig: Rig, *arguments: str) -> Iterator[Sdk]:
    """A server for the seat that the arguments name, and a client of it. Both end."""
    node = shutil.which("node")
    assert node is not None
    sdk = find_modules("ci") / "@modelcontextprotocol" / "sdk"
    program = Path(__file__).with_name("mcp_client.mjs")
    command = [sys.executable, "-P", "-m", "agentlanes", "mcp", *arguments]
    process = subprocess.Popen(
        [node, str(program), str(sdk), *command],
        env=rig.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        yield Sdk(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


async def test_an_agent_elsewhere_starts_a_lane_and_reads_what_came_of_it(client: Client, rig: Rig) -> None:
    lane = await make_lane(client, rig)
    with open_sdk(rig) as sdk:
        assert sdk.about["server"]["name"] == "agentlanes" and "tools" in sdk.about["capabilities"]
        names = [tool["name"] for tool in sdk.about["tools"]]
        assert "list_workspaces" in names and "start_lane" in names
        assert all(tool["inputSchema"]["type"] == "object" and tool["description"] for tool in sdk.about["tools"])
        (workspace,) = sdk.call("list_workspaces")["workspaces"]
        assert [each["name"] for each in sdk.call("list_repos")["repos"]] == ["repo"]
        assert "demo" in [agent["name"] for agent in sdk.call("list_agents")["agents"]]
        text = script({"say": "I look."}, {"say": "All is well."})
        started = sdk.call("start_lane", prompt=text, name="Look", workspace_id=workspace["workspace_id"])
        told = sdk.call("wait_for_turn", turn_id=started["turn"], seconds=60)
        assert (told["status"], "All is well." in told["summary"]) == ("completed", True)
        assert [each["name"] for each in sdk.call("list_lanes")["lanes"]] == ["Greet the reader", "Look"]
        (session,) = sdk.call("list_sessions", lane_id=started["lane"])["sessions"]
        assert session["session_id"] == started["session"]
        transcript = sdk.call("read_transcript", session_id=started["session"])
        assert "I look." in transcript["text"] and not transcript["cut"]
        assert sdk.call("read_diff", lane_id=lane["lane_id"])["worktrees"][0]["files"] == []
        again = sdk.call("send_prompt", session_id=started["session"], prompt=script({"say": "Once more."}))
        assert sdk.call("wait_for_turn", turn_id=again["turn_id"], seconds=60)["summary"] == "Once more."
        assert "LANE_NOT_FOUND" in sdk.fail("read_diff", lane_id="ln_01JQ8Z7V5M3K9T2XWB4C6D0E99")
        assert "prompt is missing" in sdk.fail("start_lane", profil="demo")
        assert "there is no tool" in sdk.ask("approve", approval_id="x")["refused"]


async def test_what_an_agent_starts_may_no_more_than_itself_and_people_decide(client: Client, rig: Rig) -> None:
    lane = await make_lane(client, rig)
    other, own = await make_session(client, lane), await make_session(client, lane)
    repo = rig.folder / "other"
    repo.mkdir()
    strange = (await client.call("workspace.create", {"root_paths": [str(repo)]}))["workspace"]["workspace_id"]
    with open_sdk(rig, "--lane", lane["lane_id"]) as sdk:
        names = [tool["name"] for tool in sdk.about["tools"]]
        assert "list_workspaces" not in names
        assert not [
            name for name in names if any(word in name for word in ("appro", "resolve", "merge", "stop", "delete"))
        ]
        assert sdk.call("get_context")["lane"]["lane_id"] == lane["lane_id"]
        assert "see no other" in sdk.fail("list_lanes", workspace_id=strange)
        assert "not started by you" in sdk.fail("send_prompt", session_id=other["session_id"], prompt="hello")
        assert "no turn runs" in sdk.fail("start_lane", prompt=ASKS)
        working = await prompt(client, own, script({"wait": True}))
        await client.wait("turn.started", lambda p: p["turn"]["turn_id"] == working)
        refusal = asyncio.create_task(asyncio.to_thread(sdk.fail, "start_lane", prompt="Wipe the disk", profile="demo"))
        asked = await wait_approval(client, working)
        assert asked["title"] == "Start demo in a new lane: Wipe the disk"
        await client.call(
            "approval.resolve", {"approval_id": asked["approval_id"], "kind": "reject_once", "reason": "Rather not."}
        )
        assert "Rather not." in await refusal
        asking = asyncio.create_task(asyncio.to_thread(sdk.call, "start_lane", prompt=ASKS))
        asked = await _wait_next(client, working, asked)
        assert len((await client.call("lane.list"))["lanes"]) == 1
        await resolve(client, asked, "allow_once")
        started = await asking
        child = (await client.call("lane.get", lane_id=started["lane"]))["lane"]
        assert child["parent_lane_id"] == lane["lane_id"]
        told = sdk.call("wait_for_turn", turn_id=started["turn"], seconds=60)
        assert told["status"] == "waiting" and len(told["waits_for"]) == 1
        approval = await wait_approval(client, started["turn"])
        await resolve(client, approval, "allow_once")
        assert sdk.call("wait_for_turn", turn_id=started["turn"], seconds=60)["status"] == "completed"
        (file,) = sdk.call("read_diff", lane_id=started["lane"])["worktrees"][0]["files"]
        assert file["path"] == "GREETING.md"
        asking = asyncio.create_task(
            asyncio.to_thread(sdk.call, "send_prompt", session_id=started["session"], prompt=script({"wait": True}))
        )
        asked = await _wait_next(client, working, asked)
        assert asked["title"].startswith("Prompt the agent of lane Write GREETING: ")
        await client.call(
            "approval.resolve", {"approval_id": asked["approval_id"], "kind": "allow_once", "scope": "session"}
        )
        running = await asking
        await client.wait("turn.started", lambda p: p["turn"]["turn_id"] == running["turn_id"])
        sdk.call("interrupt_turn", turn_id=running["turn_id"])
        assert sdk.call("wait_for_turn", turn_id=running["turn_id"], seconds=60)["status"] == "interrupted"
        assert [each["lane_id"] for each in sdk.call("get_context")["lanes_started_from_here"]] == [started["lane"]]
        # What was allowed for the session is not asked again.
        again = sdk.call("send_prompt", session_id=started["session"], prompt=script({"say": "Once more."}))
        assert sdk.call("wait_for_turn", turn_id=again["turn_id"], seconds=60)["summary"] == "Once more."
        turn_id = await prompt(client, other, script({"wait": True}))
        assert "not started by you" in sdk.fail("interrupt_turn", turn_id=turn_id)
        for each in (turn_id, working):
            await client.call("turn.interrupt", {"turn_id": each})
    with open_sdk(rig, "--lane", started["lane"]) as sdk:
        assert "LANE_MAY_NOT_START" in sdk.fail("start_lane", prompt="hello")


async def _wait_next(client: Client, turn_id: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The question of a turn that is another one than this."""
    found = await client.wait(
        "approval.requested",
        lambda p: p["approval"]["turn_id"] == turn_id and p["approval"]["approval_id"] > asked["approval_id"],
    )
    approval: dict[str, Any] = found["approval"]
    return approval


TOOLS = {
    "codex": {"name": "start_lane", "namespace": "mcp__agentlanes"},
    "claude": {"name": "mcp__agentlanes__start_lane"},
}
"""What each calls our tool."""


def _write_codex(rig: Rig, url: str) -> str:
    home = write_home(rig.folder / "codex", url)
    with (home / "config.toml").open("a") as config:
        # What the user's own settings allow without a question, which counts for nothing in a lane.
        config.write('\n[mcp_servers.agentlanes.tools.start_lane]\napproval_mode = "approve"\n')
    return f'argv = {json.dumps([str(find_codex()), "app-server"])}\nenv = {{CODEX_HOME = "{home}"}}\n'


def _write_claude(rig: Rig, url: str) -> str:
    program = find_program("ci", "@anthropic-ai/claude-agent-sdk-*/claude")
    home = rig.folder / "home"
    (home / ".claude").mkdir(parents=True)
    settings = {"permissions": {"allow": ["mcp__agentlanes__start_lane"]}}
    (home / ".claude" / "settings.json").write_text(json.dumps(settings))
    env = ", ".join(f'{name} = "{value}"' for name, value in settle_claude(home, url).items())
    return f'argv = ["{program}"]\nenv = {{{env}}}\n'


AGENTS: dict[str, tuple[Callable[[], Wire], Callable[[Rig, str], str]]] = {
    "codex": (Responses, _write_codex),
    "claude": (Messages, _write_claude),
}


@pytest.mark.parametrize("name", AGENTS)
async def test_a_real_agent_starts_another_from_its_lane_when_a_person_allows_it(rig: Rig, name: str) -> None:
    make_wire, write = AGENTS[name]
    with ModelServer(make_wire()) as model:
        rig.configure(
            f'[profiles.{name}]\n{write(rig, model.url)}mcp_servers = ["agentlanes"]\n'
            f'[mcp_servers.agentlanes]\npreset = "agentlanes"\nenv = {{PYTHONPATH = "{rig.env["PYTHONPATH"]}"}}\n'
        )
        rig.start()
        async with join(rig) as client:
            lane = await make_lane(client, rig)
            session = await make_session(client, lane, profile=name)
            args = {"prompt": ASKS, "name": "For the other one", "profile": "demo"}
            step = {"tools": [{**TOOLS[name], "args": args}]}
            refused = await prompt(client, session, write_script(step, {"text": "I must not."}))
            approval = await wait_approval(client, refused)
            assert approval["title"] == f"Start demo in a new lane: {ASKS}" and "process_id" not in approval
            await resolve(client, approval, "reject_once")
            topic, turn = await wait_turn(client, refused)
            assert (topic, turn["summary"]) == ("turn.completed", "I must not."), turn
            (item,) = [item for item in await list_items(client, refused) if item["kind"] == "tool_call"]
            assert "was not allowed" in json.dumps(item)
            assert len((await client.call("lane.list"))["lanes"]) == 1
            turn_id = await prompt(client, session, write_script(step, {"text": "It runs."}))
            approval = await wait_approval(client, turn_id)
            assert approval["preview"]["raw_input"] == args
        rig.kill()
        rig.start()
        async with join(rig) as client:
            # The tool still waits, and the decision reaches it.
            await resolve(client, approval, "allow_once")
            topic, turn = await wait_turn(client, turn_id)
            assert (topic, turn["summary"]) == ("turn.completed", "It runs."), turn
            created = (await client.wait("lane.created", lambda p: "parent_lane_id" in p["lane"]))["lane"]
            assert (created["parent_lane_id"], created["name"]) == (lane["lane_id"], "For the other one")
            started = await client.wait("turn.started", lambda p: p["turn"]["lane_id"] == created["lane_id"])
            await resolve(client, await wait_approval(client, started["turn"]["turn_id"]), "allow_once")
            assert (await wait_turn(client, started["turn"]["turn_id"]))[0] == "turn.completed"
            (item,) = [item for item in await list_items(client, turn_id) if item["kind"] == "tool_call"]
            assert created["lane_id"] in item["text"]
            # Nobody was asked twice.
            asked = (await client.call("approval.list", session_id=session["session_id"]))["approvals"]
            assert [each["status"] for each in asked] == ["denied", "approved"]
