"""Rendered screens of real programs on real terminals, and switches of the renderer mode."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import WAIT_SECONDS, Client, Rig, RpcError
from e2e.story import make_lane


async def spawn(client: Client, rig: Rig, *argv: str, **payload: Any) -> str:
    """A terminal that runs, in a lane of its own workspace."""
    lane = await make_lane(client, rig)
    spawned = await client.call("terminal.spawn", {"argv": list(argv), **payload}, lane_id=lane["lane_id"])
    terminal_id: str = spawned["terminal"]["terminal_id"]
    await client.wait("terminal.spawned", lambda p: p["terminal"]["terminal_id"] == terminal_id)
    return terminal_id


class Mirror:
    """What a client without a terminal shows: whole lines, put by their row."""

    def __init__(self, client: Client, terminal_id: str) -> None:
        self._client = client
        self._terminal_id = terminal_id

    def show(self) -> list[str] | None:
        """The lines as they are now; None before the first screen."""
        lines: list[str] | None = None
        for rendered in self._client.payloads("terminal.rendered"):
            if rendered["terminal_id"] != self._terminal_id:
                continue
            screen = rendered["screen"]
            if rendered["full"]:
                lines = [""] * screen["rows"]
                assert [line["row"] for line in screen["lines"]] == list(range(screen["rows"]))
            assert lines is not None, "the first screen is whole"
            for line in screen["lines"]:
                lines[line["row"]] = "".join(run["text"] for run in line["runs"]).rstrip()
        return lines

    async def wait(self, text: str) -> list[str]:
        """The lines, once one of them has the text."""
        await self._client.wait("terminal.rendered", lambda _: any(text in line for line in self.show() or []))
        lines = self.show()
        assert lines is not None
        return lines


async def test_a_screen_is_asked_for_once(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(
        client, rig, "sh", "-c", r"printf '\033]0;hello\007plain \033[1;31mred\033[m\r\n'; seq 40; cat", cols=30, rows=8
    )
    await client.call("terminal.attach", {"offset": 0, "mode": "mode_a"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "\n40\r\n" in p["data"])
    found = await client.call("terminal.render", {"history_lines": 100}, terminal_id=terminal_id)
    assert found["text"] == "34\n35\n36\n37\n38\n39\n40\n\n"
    assert found["history"][:3] == ["plain red", "1", "2"] and found["history"][-1] == "33"
    screen = found["screen"]
    assert (screen["cols"], screen["rows"], screen["title"], screen["alternate"]) == (30, 8, "hello", False)
    assert screen["cursor"]["row"] == 7 and screen["cursor"]["col"] == 0
    again = await client.call("terminal.render", terminal_id=terminal_id)
    assert again["screen"] == screen and "history" not in again


async def test_an_attached_peer_mirrors_the_screen(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "bash", "--norc", "-i", cols=60, rows=10)
    attached = await client.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    assert attached["mode"] == "mode_b"
    mirror = Mirror(client, terminal_id)
    await client.call("terminal.input", {"data": "echo one two | tr a-z A-Z\n"}, terminal_id=terminal_id)
    await mirror.wait("ONE TWO")
    await client.call("terminal.resize", {"cols": 50, "rows": 12}, terminal_id=terminal_id)
    await client.call("terminal.input", {"data": "stty size; echo wi''der\n"}, terminal_id=terminal_id)
    lines = await mirror.wait("wider")
    assert "12 50" in lines and len(lines) == 12
    assert not client.payloads("terminal.output")
    await client.call("terminal.detach", terminal_id=terminal_id)
    told = len(client.payloads("terminal.rendered"))
    await client.call("terminal.input", {"data": "echo sil''ent\n"}, terminal_id=terminal_id)
    shown = await client.call("terminal.render", terminal_id=terminal_id)
    while "silent" not in shown["text"]:
        shown = await client.call("terminal.render", terminal_id=terminal_id)
    assert len(client.payloads("terminal.rendered")) == told


@pytest.mark.parametrize("program", ["top", "less", "vim"])
async def test_full_screen_programs(program: str, rig: Rig, client: Client) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    argv = {"top": ["top", "-d", "60"], "less": ["less", "README.md"], "vim": ["vim", "-u", "NONE", "README.md"]}
    expected = {"top": "PID", "less": "# A small project", "vim": "# A small project"}
    line = f"echo before; {' '.join(argv[program])}; echo after; cat"
    terminal_id = await spawn(client, rig, "sh", "-c", line, cols=80, rows=24)
    await client.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    mirror = Mirror(client, terminal_id)
    lines = await mirror.wait(expected[program])
    full_screen = client.payloads("terminal.rendered")[-1]["screen"]["alternate"]
    assert full_screen == (program != "top") and "before" not in lines
    await client.call("terminal.input", {"data": ":q\n" if program == "vim" else "q"}, terminal_id=terminal_id)
    lines = await mirror.wait("after")
    assert "before" in lines or not full_screen
    assert client.payloads("terminal.rendered")[-1]["screen"]["alternate"] is False


async def test_a_switch_reaches_whoever_follows(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "bash", "--norc", "-i")
    pinned = await rig.connect("pinned")
    await pinned.call("terminal.attach", {"offset": 0, "mode": "mode_a", "flow": "lossless"}, terminal_id=terminal_id)
    assert (await client.call("terminal.attach", {"offset": 0}, terminal_id=terminal_id))["mode"] == "mode_a"
    await client.call("terminal.input", {"data": "echo fi''rst\n"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "first" in p["data"])

    answer = await client.call("renderer.switch", {"mode": "mode_b"}, terminal_id=terminal_id)
    assert answer["renderer"]["status"] == "switching"
    switched = await client.wait("renderer.switch.succeeded")
    assert switched["renderer"]["switch_id"] == answer["renderer"]["switch_id"]
    assert client.payloads("terminal.updated")[-1]["terminal"]["active_renderer_mode"] == "mode_b"
    mirror = Mirror(client, terminal_id)
    await mirror.wait("first")
    stopped = len(client.payloads("terminal.output"))
    await client.call("terminal.input", {"data": "echo sec''ond\n"}, terminal_id=terminal_id)
    await mirror.wait("second")
    assert len(client.payloads("terminal.output")) == stopped

    await client.call("renderer.switch", {"mode": "mode_a"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "second" in p["data"])
    await client.call("terminal.input", {"data": "echo thi''rd\n"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "third" in p["data"])
    await pinned.wait("terminal.output", lambda p: "third" in p["data"])
    tape = (await client.call("terminal.read", {"offset": 0}, terminal_id=terminal_id))["data"]
    for peer in (client, pinned):
        got = peer.payloads("terminal.output")
        assert not any("skipped" in part for part in got)
        assert tape.startswith("".join(part["data"] for part in got)[: len(tape)])
        assert [part["offset"] for part in got[1:]] == [part["next_offset"] for part in got[:-1]]
    assert not pinned.payloads("terminal.rendered")
    await pinned.close()


async def test_a_workspace_is_switched_with_its_terminals(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "cat")
    terminal = (await client.call("terminal.get", terminal_id=terminal_id))["terminal"]
    workspace_id = terminal["workspace_id"]
    await client.call("terminal.attach", terminal_id=terminal_id)
    await client.call("renderer.switch", {"mode": "mode_b"}, workspace_id=workspace_id)
    await client.wait("renderer.switch.succeeded")
    workspace = (await client.call("workspace.get", workspace_id=workspace_id))["workspace"]
    assert workspace["active_renderer_mode"] == "mode_b"
    await client.wait("terminal.rendered", lambda p: p["full"])
    capabilities = await client.call("renderer.capabilities", terminal_id=terminal_id)
    assert capabilities["active_renderer_mode"] == "mode_b"
    assert [offer["available"] for offer in capabilities["modes"]] == [True, True]


async def test_a_switch_that_fails_changes_nothing(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "sh", "-c", "echo here; exec cat")
    before = (await client.call("terminal.get", terminal_id=terminal_id))["terminal"]
    await client.call("terminal.attach", {"offset": 0}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "here" in p["data"])
    tape = rig.folder / "s" / "tapes" / before["process_id"] / "pty"
    aside = tape.with_name("aside")
    tape.rename(aside)
    await client.call("renderer.switch", {"mode": "mode_b"}, terminal_id=terminal_id)
    failed = await client.wait("renderer.switch.failed")
    assert failed["renderer"]["problem"]["code"] == "RENDERER_SWITCH_FAILED"
    assert "its tape is gone" in failed["renderer"]["problem"]["message"]
    with pytest.raises(RpcError) as refused:
        await client.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    assert refused.value.code == "RENDERER_UNAVAILABLE"
    aside.rename(tape)
    after = (await client.call("terminal.get", terminal_id=terminal_id))["terminal"]
    assert {**after, "last_output_seq": 0} == {**before, "last_output_seq": 0}
    topics = [frame["method"] for frame in client.notifications if frame["method"].startswith("renderer.")]
    assert topics == ["renderer.switch.started", "renderer.switch.failed"]
    await client.call("terminal.input", {"data": "still\n"}, terminal_id=terminal_id)
    await client.wait("terminal.output", lambda p: "still" in p["data"])
    assert not client.payloads("terminal.rendered")


@pytest.mark.parametrize("point", ["commit.after", "effect.before", "effect.after"])
async def test_the_server_dies_in_mid_switch(point: str, rig: Rig, client: Client) -> None:
    """The next server ends what was begun: the mode is the new one and the switch has succeeded, or neither."""
    terminal_id = await spawn(client, rig, "cat")
    await client.close()
    rig.stop()
    rig.start(AGENTLANES_CRASH_AT=f"{point}:1")
    dying = await rig.connect()
    with contextlib.suppress(ConnectionError):
        await dying.call("renderer.switch", {"mode": "mode_b"}, terminal_id=terminal_id)
    assert rig.server is not None
    await asyncio.to_thread(rig.server.wait, WAIT_SECONDS)
    await dying.close()
    rig.start()
    again = await rig.connect()
    await again.call("event.subscribe", {"after_seq": 0})
    await again.wait("renderer.switch.succeeded")
    topics = [frame["method"] for frame in again.notifications if frame["method"].startswith("renderer.")]
    assert topics == ["renderer.switch.started", "renderer.switch.succeeded"]
    terminal = (await again.call("terminal.get", terminal_id=terminal_id))["terminal"]
    assert terminal["active_renderer_mode"] == "mode_b"
    assert (await again.call("event.subscribe"))["snapshot"]["renderers"] == []
    await again.call("renderer.switch", {"mode": "mode_a"}, terminal_id=terminal_id)
    await again.close()


async def test_one_switch_at_a_time(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "cat")
    asked = [client.call("renderer.switch", {"mode": mode}, terminal_id=terminal_id) for mode in ("mode_b", "mode_a")]
    first, second = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, dict) and first["renderer"]["status"] == "switching"
    assert isinstance(second, RpcError) and second.code == "OPERATION_IN_PROGRESS"
    assert second.details["operation"]["kind"] == "switch"
    await client.wait("renderer.switch.succeeded")


async def test_a_peer_that_does_not_read_gets_the_newest_screen(rig: Rig, client: Client) -> None:
    """It costs nobody anything: others type and see, and once it reads it has what they have."""
    terminal_id = await spawn(client, rig, "bash", "--norc", "-i")
    slow = await rig.connect("slow")
    await slow.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    await slow.wait("terminal.rendered")
    await client.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    transport = slow._writer.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    await client.call("terminal.input", {"data": "seq 300000; echo do''ne\n"}, terminal_id=terminal_id)
    await Mirror(client, terminal_id).wait("done")
    transport.resume_reading()
    lines = await Mirror(slow, terminal_id).wait("done")
    assert lines[:2] == ["299979", "299980"] or "300000" in lines
    shown = (await client.call("terminal.render", terminal_id=terminal_id))["text"]
    assert [line for line in lines if line] == [line for line in shown.split("\n") if line]
    await slow.close()


async def test_a_terminal_that_is_closed_keeps_its_screen(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "sh", "-c", "echo last words; read line")
    await client.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    await Mirror(client, terminal_id).wait("last words")
    await client.call("terminal.input", {"data": "\n"}, terminal_id=terminal_id)
    await client.wait("terminal.closed")
    assert "last words" in (await client.call("terminal.render", terminal_id=terminal_id))["text"]
    with pytest.raises(RpcError) as refused:
        await client.call("renderer.switch", {"mode": "mode_b"}, terminal_id=terminal_id)
    assert refused.value.code == "TERMINAL_CLOSED"


async def test_the_renderer_is_killed_under_a_mirror(rig: Rig, client: Client) -> None:
    terminal_id = await spawn(client, rig, "bash", "--norc", "-i")
    await client.call("terminal.attach", {"mode": "mode_b"}, terminal_id=terminal_id)
    mirror = Mirror(client, terminal_id)
    await client.call("terminal.input", {"data": "echo be''fore\n"}, terminal_id=terminal_id)
    await mirror.wait("before")
    assert rig.server is not None
    children = Path(f"/proc/{rig.server.pid}/task/{rig.server.pid}/children").read_text().split()
    (renderer,) = [int(pid) for pid in children if b"agentlanes.renderer" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(renderer, signal.SIGKILL)
    await client.call("terminal.input", {"data": "echo af''ter\n"}, terminal_id=terminal_id)
    assert "before" in await mirror.wait("after")
