"""What Codex tells of a turn, as items and usage."""

from __future__ import annotations

from typing import Any

import pytest

from agents.codex import begin, prompt, request


def test_a_message_whose_pieces_were_lost_is_whole_at_its_end() -> None:
    speaker = begin()
    speaker.feed([*speaker.say("one ", "m1"), speaker.tell_item("completed", "m1", "agentMessage", text="one two")])
    speaker.feed([speaker.tell_item("completed", "m2", "agentMessage", text="three")])
    assert [item.text for item in speaker.dialogue.items()] == ["one two", "three"]


def test_output_whose_begin_was_not_told_comes_whole_at_the_end() -> None:
    speaker = begin()
    speaker.feed([*speaker.begin_tool("c1"), *speaker.grow_tool("c1", "there\n")])
    speaker.feed(speaker.end_tool("c1", "hi\nthere\n"))
    (item,) = speaker.dialogue.items()
    assert item.text == "there\n… (the whole output:)\nhi\nthere\n"


def test_output_that_was_told_is_not_told_again() -> None:
    speaker = begin()
    speaker.feed([*speaker.begin_tool("c1"), *speaker.grow_tool("c1", "hi\n")])
    speaker.feed(speaker.end_tool("c1", "hi\nthere\n"))
    assert speaker.dialogue.items()[0].text == "hi\nthere\n"


def test_an_end_that_is_told_twice_is_one() -> None:
    speaker = begin()
    speaker.feed(speaker.begin_tool("c1"))
    speaker.feed([*speaker.end_tool("c1", "out"), *speaker.end_tool("c1", "out")])
    assert len(speaker.dialogue.items()) == 1


CHANGES = [
    {
        "path": "/w/a",
        "kind": {"type": "update", "move_path": None},
        "diff": "@@ -1,2 +1,2 @@\n x\n-a\n+b\n@@ -9 +9 @@\n-c\n",
    },
    {"path": "/w/n", "kind": {"type": "add"}, "diff": "new\n"},
    {"path": "/w/d", "kind": {"type": "delete"}, "diff": "old\n"},
]


def test_hunks_are_shown_as_they_were_and_are() -> None:
    speaker = begin()
    speaker.feed([speaker.tell_item("completed", "c1", "fileChange", changes=CHANGES, status="completed")])
    tool = speaker.dialogue.items()[0].tool
    assert tool is not None and tool.tool_kind == "edit"
    assert [(change.path, change.old_text, change.new_text) for change in tool.changes] == [
        ("/w/a", "x\na\n", "x\nb\n"),
        ("/w/a", "c\n", ""),
        ("/w/n", None, "new\n"),
        ("/w/d", "old\n", ""),
    ]


@pytest.mark.parametrize(
    ("item", "kind", "title"),
    [
        ({"type": "mcpToolCall", "server": "s", "tool": "t", "arguments": {}, "status": "failed"}, "other", "s.t"),
        ({"type": "webSearch", "query": "q", "action": None}, "search", "Search the web: q"),
        ({"type": "webSearch", "query": "", "action": {"type": "openPage", "url": "u"}}, "fetch", "Open u"),
        ({"type": "imageView", "path": "/w/a.png"}, "read", "Look at /w/a.png"),
        ({"type": "sleep"}, "other", "Wait"),
        ({"type": "dynamicToolCall", "tool": "t", "success": False}, "other", "t"),
        ({"type": "collabAgentToolCall", "tool": "spawnAgent", "prompt": "help"}, "other", "Sub-agent: help"),
        ({"type": "commandExecution", "command": "/bin/zsh -lc 'a b'", "commandActions": 3}, "execute", "a b"),
        ({"type": "commandExecution", "command": "it's", "exitCode": "x"}, "execute", "it's"),
        ({"type": "fileChange", "changes": CHANGES[2:]}, "delete", "Delete /w/d"),
    ],
)
def test_each_kind_of_tool_call_is_shown(item: dict[str, Any], kind: str, title: str) -> None:
    speaker = begin()
    for phase in ("started", "completed"):
        speaker.feed([speaker.tell(f"item/{phase}", item={"id": "c1", **item}, turnId=speaker.turn_id())])
    (shown,) = speaker.dialogue.items()
    assert shown.tool is not None
    assert (shown.tool.tool_kind, shown.tool.title) == (kind, title)
    assert shown.status in ("completed", "failed")


def test_usage_is_the_turns_own_and_is_not_counted_twice() -> None:
    speaker = begin()

    def count(total: int, last: int) -> list[Any]:
        usage = {"total": {"totalTokens": total}, "last": {"totalTokens": last}, "modelContextWindow": 1000}
        return [speaker.tell("thread/tokenUsage/updated", tokenUsage=usage, turnId=speaker.turn_id())]

    speaker.feed([*count(100, 100), *count(100, 100)])
    speaker.dialogue.restart()
    speaker.feed(count(150, 50))
    speaker.feed(speaker.end("completed"))
    usage = speaker.dialogue.core.last_turn.usage
    assert usage is not None and (usage.total_tokens, usage.context_used) == (150, 50)
    prompt(speaker)
    speaker.feed([*count(170, 20), *speaker.end("completed")])
    usage = speaker.dialogue.core.last_turn.usage
    assert usage is not None and usage.total_tokens == 20


def test_words_of_other_threads_are_passed_over_and_their_questions_asked() -> None:
    speaker = begin()
    frame = speaker.say("spoofed", "m1")[0]
    frame["params"]["threadId"] = "th2"
    question = request(speaker, "item/commandExecution/requestApproval", 7, itemId="c9", command="rm")
    question["params"]["threadId"] = "th2"
    speaker.feed([frame, question])
    assert "spoofed" not in str(speaker.dialogue.items())
    (approval,) = speaker.dialogue.core.pending()
    assert approval.title.startswith("A sub-agent: ")
