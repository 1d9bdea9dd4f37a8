"""What people see: untrusted text, growing text, and a terminal that is left as it was."""

from __future__ import annotations

import pytest

from agentlanes.cli.events import describe
from agentlanes.cli.screen import Screen, clean
from agentlanes.cli.terminal_mode import Switches
from agentlanes.cli.transcript import Transcript

ITEM = {"item_id": "it_1", "kind": "message", "status": "in_progress"}


def hear(transcript: Transcript, topic: str, **item: object) -> None:
    transcript.hear({"topic": topic, "payload": {"item": {**ITEM, **item}}})


def grow(transcript: Transcript, offset: int, data: str) -> None:
    transcript.hear({"topic": "item.delta", "payload": {"item_id": "it_1", "offset": offset, "data": data}})


def test_what_an_agent_says_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[2Jb\rc\x07\u202ed\te\r\nf") == "a�[2Jb�c��d\te\nf"


def test_text_is_shown_once_however_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    transcript = Transcript(Screen())
    hear(transcript, "item.started", text="Grü")
    grow(transcript, 0, "Grüß ")
    grow(transcript, 7, "Gott")
    grow(transcript, 4, " Gott")
    grow(transcript, 90, "lost")
    hear(transcript, "item.completed", status="completed", text="Grüß Gott, Welt")
    assert capsys.readouterr().out == "Grüß Gott, Welt\n"


def test_a_long_output_is_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    transcript = Transcript(Screen())
    tool = {"title": "seq 20", "tool_kind": "execute", "status": "completed"}
    text = "\n".join(map(str, range(20)))
    hear(transcript, "item.started", kind="tool_call", tool=tool)
    hear(transcript, "item.completed", kind="tool_call", tool=tool, status="completed", text=text)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["execute seq 20", "  0"]
    assert shown[-2:] == ["  … 12 more lines", "  ✓ seq 20"]


def test_an_event_is_one_line() -> None:
    lane = {"lane_id": "ln_1", "status": "error", "name": "Fix\nit", "problem": {"message": "no space"}}
    event = {
        "timestamp": "2026-11-20T10:11:12.345Z",
        "seq": 7,
        "topic": "lane.create.failed",
        "payload": {"lane": lane},
    }
    assert describe(event) == "10:11:12.345      7 lane.create.failed       ln_1  error  Fix it  ✗ no space"


def test_modes_are_switched_back_wherever_the_output_is_cut() -> None:
    output = b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006htext\x1b[?25h\x1b[?2004h"
    for cut in range(len(output)):
        switches = Switches()
        switches.follow(output[:cut])
        switches.follow(output[cut:])
        reset = switches.reset()
        assert b"\x1b[?25h" not in reset
        for mode in (b"1049", b"1000", b"1006", b"2004"):
            assert b"\x1b[?%sl" % mode in reset
