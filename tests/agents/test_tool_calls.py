"""How tool calls become items."""

from __future__ import annotations

from typing import Any

import pytest

from agentlanes.wire.models import FileChange, Location
from agents.conversation import Dialogue, output


def test_a_tool_call_keeps_all_that_is_said_of_it(talk: Dialogue) -> None:
    talk.update(
        "tool_call",
        toolCallId="t",
        title="Edit f",
        kind="edit",
        status="pending",
        locations=[{"path": "/f", "line": 3}, {"path": 4}, {"path": "/g", "line": -1}],
        rawInput={"a": [1, None]},
        _meta={"title": "spoofed"},
    )
    diff = {"type": "diff", "path": "/f", "oldText": "a", "newText": "b"}
    talk.update("tool_call_update", toolCallId="t", status="in_progress", content=[diff, *output("Edited.")])
    talk.update("tool_call_update", toolCallId="t", content=output("Edited.\nDone."), title=None)
    talk.update("tool_call_update", toolCallId="t", status="completed", rawOutput={"ok": True})
    (item,) = talk.items()
    tool = item.tool
    assert tool is not None and (item.status, item.text) == ("completed", "Edited.\nDone.")
    assert (tool.title, tool.tool_kind, tool.status) == ("Edit f", "edit", "completed")
    assert tool.locations == (Location(path="/f", line=3), Location(path="/g"))
    assert tool.changes == (FileChange(path="/f", old_text="a", new_text="b"),), "an output undoes no diff"
    assert (tool.raw_input, tool.raw_output) == ({"a": [1, None]}, {"ok": True})


def test_a_tool_call_that_was_never_announced_is_one_all_the_same(talk: Dialogue) -> None:
    talk.update("tool_call_update", toolCallId="t", status="completed", content=output("done"))
    (item,) = talk.items()
    assert (item.kind, item.status, item.text) == ("tool_call", "completed", "done")


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        (["a", "ab", "abc"], "abc"),
        (["a", "a", ""], "a"),
        (["abc", "ab"], "abc"),
        (["one", "two"], "one\ntwo"),
        (["one\n", "two"], "one\ntwo"),
        (["preview", "output", "output and more"], "preview\noutput and more"),
    ],
)
def test_output_only_grows(talk: Dialogue, outputs: list[str], shown: str) -> None:
    """Agents send the whole output each time, or only the newest part; either way nothing is taken back."""
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")
    for part in outputs:
        talk.update("tool_call_update", toolCallId="t", content=output(part))
    assert len(talk.core.item_events) == 1
    talk.update("tool_call_update", toolCallId="t", status="completed")
    assert talk.items()[0].text == shown


def test_several_content_blocks_are_lines(talk: Dialogue) -> None:
    terminal = {"type": "terminal", "terminalId": "t"}
    talk.update("tool_call", toolCallId="t", title="Run", content=[*output("a"), terminal, *output("b")])
    talk.update("tool_call_update", toolCallId="t", status="completed")
    (item,) = talk.items()
    assert item.text == "a\nb"


def test_a_repeated_raw_output_is_recorded_with_the_next_change(talk: Dialogue) -> None:
    """OpenCode repeats all output in rawOutput with every update; a log entry for each would be quadratic."""
    talk.update("tool_call", toolCallId="t", title="Run", status="in_progress")
    for n in range(50):
        talk.update("tool_call_update", toolCallId="t", rawOutput={"output": "x" * n})
    assert len(talk.core.item_events) == 1
    talk.update("tool_call_update", toolCallId="t", status="completed")
    assert talk.items()[0].tool.raw_output == {"output": "x" * 49}  # type: ignore[union-attr]


def test_an_end_told_again_is_no_second_tool_call(talk: Dialogue) -> None:
    talk.update("tool_call", toolCallId="t", title="Run")
    for _ in range(2):
        talk.update("tool_call_update", toolCallId="t", status="completed", content=output("done"))
        talk.update("tool_call_update", toolCallId="t", _meta={"vendor": 1})
        talk.update("tool_call_update", toolCallId="t", status="completed")
    assert len(talk.items()) == 1


def test_an_id_used_again_is_a_second_tool_call(talk: Dialogue) -> None:
    for number in range(2):
        talk.update("tool_call", toolCallId="t", title=f"Run {number}")
        talk.update("tool_call_update", toolCallId="t", status="failed", content=output(str(number)))
    assert [(item.text, item.status) for item in talk.items()] == [("0", "failed"), ("1", "failed")]


def test_an_announcement_repeated_while_open_is_an_update(talk: Dialogue) -> None:
    talk.update("tool_call", toolCallId="t", title="Run")
    talk.update("tool_call", toolCallId="t", title="Run it")
    assert [item.tool and item.tool.title for item in talk.items()] == ["Run it"]


def test_a_malformed_tool_call_keeps_what_makes_sense(talk: Dialogue) -> None:
    talk.update("tool_call", title="without an id")
    wrong: dict[str, Any] = {"title": 5, "kind": [], "status": {}, "locations": "here", "content": {"type": "diff"}}
    talk.update("tool_call", toolCallId="t", rawInput="yes", **wrong)
    talk.update("tool_call", toolCallId="t", content=[7, {"type": "diff", "path": 1}, {"type": "content"}])
    talk.update("plan", entries="none")
    talk.update(["kind"])  # type: ignore[arg-type]
    talk.feed({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s1", "update": None}})
    talk.end()
    notice = next(item for item in talk.items() if item.kind == "notice")
    (tool,) = [item for item in talk.items() if item.kind == "tool_call"]
    assert tool.tool is not None and tool.tool.raw_input == "yes" and tool.status == "canceled"
    for complaint in ("a tool call without toolCallId", "title of a tool call is no text", "locations of a tool call",
                      "content of a tool call is no array", "that ACP does not know", "a plan without entries",
                      "an update without a kind"):  # fmt: skip
        assert complaint in (notice.text or "")


def test_large_values_are_cut_and_say_so(talk: Dialogue) -> None:
    big = "x" * (2 << 20)
    diff = {"type": "diff", "path": "/f", "oldText": big, "newText": big}
    talk.update(
        "tool_call",
        toolCallId="t" * 2000,
        title="T" * 20_000,
        rawInput={"big": big},
        content=[diff, *output(big)],
        locations=[{"path": "/p" * 9000}] * 3000,
    )
    talk.update("tool_call_update", toolCallId="t" * 2000, status="completed", content=output(big + "the end"))
    (item,) = talk.items()
    tool = item.tool
    assert tool is not None and len(tool.tool_call_id) == 512
    assert str(tool.raw_input).endswith("(cut: 2097162 bytes of JSON in all)")
    assert tool.changes[0].new_text.endswith("(cut: 2097152 characters in all)\n")
    assert item.text is not None and "(the rest is left out here)" in item.text and item.text.endswith("the end")


def test_tool_calls_that_never_end_are_closed_at_last(talk: Dialogue) -> None:
    for number in range(1005):
        talk.update("tool_call", toolCallId=f"t{number}", title="Run", status="in_progress")
    ends = [item.status for item in talk.items()]
    assert ends == ["completed"] * 5 + ["in_progress"] * 1000
