"""Whatever an agent prints, the driver neither raises nor breaks the core's rules."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from agents.conversation import Dialogue

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["sessionId", "update", "sessionUpdate", "content", "type", "text", "toolCallId", "status", "title", "entries",
     "options", "optionId", "kind", "toolCall", "rawInput", "rawOutput", "locations", "path", "newText", "oldText",
     "requestId", "stopReason", "usage", "used", "size", "currentModeId", "messageId", "_meta", "line", "resource"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["s1", "agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan", "usage_update",
     "session_info_update", "current_mode_update", "text", "diff", "content", "terminal", "completed", "t1", "x"]
)  # fmt: skip
SHAPES = st.recursive(
    JSON | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)
IDS: st.SearchStrategy[Any] = st.sampled_from([0, 1, 2, 3, 4, "a", None, True, 1.5, [], {}])
METHODS = st.sampled_from(
    ["session/update", "session/request_permission", "$/cancel_request", "fs/read_text_file", "x", "", 5, None]
)


@st.composite
def frames(draw: st.DrawFn) -> dict[str, Any]:
    """Messages that are almost right."""
    frame: dict[str, Any] = {"jsonrpc": "2.0"}
    if draw(st.booleans()):
        frame["method"] = draw(METHODS)
    if draw(st.booleans()):
        frame["id"] = draw(IDS)
    for key in ("params", "result", "error"):
        if draw(st.booleans()):
            frame[key] = draw(SHAPES)
    if draw(st.booleans()):
        update = {"sessionUpdate": draw(WORDS), **draw(st.dictionaries(KEYS, SHAPES, max_size=6))}
        frame |= {"method": "session/update", "params": {"sessionId": "s1", "update": update}}
    return frame


LINES = st.lists(
    st.one_of(frames().map(lambda frame: json.dumps(frame).encode()), JSON.map(lambda v: json.dumps(v).encode()),
              st.binary(max_size=40).map(lambda line: line.replace(b"\n", b""))),
    max_size=12,
)  # fmt: skip


@given(LINES, st.sampled_from(["start", "initialized", "open", "prompted", "ended"]), st.integers(0, 12))
@example([b'{"a":"\\ud83d"}', b'{"id":1e999}', b"\xef\xbb\xbf{}"], "prompted", 3)
@example([b'{"id":1,"result":{"protocolVersion":123456789012345678901234567890}}'], "start", 1)
def test_no_line_is_too_strange(lines: list[bytes], stage: str, cut: int) -> None:
    dialogue = Dialogue()
    if stage == "initialized":
        dialogue.feed({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": 1}})
    elif stage != "start":
        dialogue.open()
    if stage in ("prompted", "ended"):
        dialogue.core.prompt("go")
        dialogue.settle()
    if stage == "ended":
        dialogue.end()
    for number, line in enumerate(lines):
        dialogue.feed(line)
        if number == cut:
            dialogue.restart()
    dialogue.restart()


@given(LINES)
def test_nothing_is_sent_that_is_not_a_message(lines: list[bytes]) -> None:
    dialogue = Dialogue()
    dialogue.open()
    dialogue.core.prompt("go")
    dialogue.feed(*lines)
    for message in dialogue.sent():
        assert ("method" in message) or ("id" in message and ("result" in message) != ("error" in message))
