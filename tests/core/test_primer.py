"""The primer: what is told, what is left out, and that it is bounded and always the same."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from agentlanes.core.primer import PRIMER_CAP, write_primer
from agentlanes.wire.models import FileChange, Item, PlanEntry, Problem, Session, ToolCall, Turn
from core.case_files import GIVEN

T = TypeVar("T")


def make(name: str, type_: type[T], **changes: object) -> T:
    """An entity of the cases, with changes."""
    given = {field: value for field, value in {**GIVEN["entities"][name], **changes}.items() if field != "noun"}
    return msgspec.convert(given, type_)


SESSION = make("session", Session)


def make_turn(number: int, **changes: object) -> Turn:
    return make("running", Turn, turn_id=f"tn_{number:026}", status="completed", **changes)


def make_item(turn: Turn, number: int, **changes: object) -> Item:
    id = f"it_{number:026}"
    item = make("item", Item, item_id=id, turn_id=turn.turn_id, position=number, status="completed")
    return msgspec.structs.replace(item, **changes)


def edit(turn: Turn, number: int, path: str, kind: str = "edit", **changes: object) -> Item:
    tool = ToolCall(
        tool_call_id="c", status="completed", tool_kind=kind, changes=(FileChange(path=path, new_text="x"),)
    )
    return make_item(turn, number, kind="tool_call", tool=msgspec.structs.replace(tool, **changes))


def test_nothing_is_told_of_nothing() -> None:
    assert write_primer(SESSION, "/lane", [], {}) is None
    assert write_primer(SESSION, "/lane", [make_turn(1, started_at=None)], {}) is None
    assert write_primer(SESSION, "/lane", [make_turn(1, dropped=True)], {}) is None


def test_a_primer_tells_what_was_asked_what_came_of_it_and_what_is_open() -> None:
    first = make_turn(1, prompt="Count the pears", summary="Three.")
    second = msgspec.structs.replace(
        make_turn(2, prompt="Write it\ndown"), status="failed", problem=Problem(code="X", message="no disk")
    )
    items = {
        first.turn_id: [edit(first, 1, "/lane/a.txt"), make_item(first, 2, text="Three.")],
        second.turn_id: [
            edit(second, 1, "/lane/b.txt", "delete"),
            edit(second, 2, "/lane/a.txt"),
            edit(second, 3, "/lane/refused.txt", status="failed"),
            edit(second, 4, "/elsewhere/c.txt"),
            make_item(
                second,
                5,
                kind="plan",
                plan=(
                    PlanEntry(content="Buy a disk", status="pending"),
                    PlanEntry(content="Count", status="completed"),
                    PlanEntry(content="W", status="in_progress"),
                ),
            ),
        ],
    }
    assert write_primer(SESSION, "/lane", [first, second], items) == (
        'You take over work "Cart" that another agent (demo) began. You are in the same project, and do not share its '
        "memory; what follows was written from the record of its session. Look at the files before you rely on it. "
        "The user's request comes after the line at the end.\n\n"
        "## What was asked, and what came of it\n"
        "1. Count the pears\n   -> done; it said: Three.\n"
        "2. Write it\n   down\n   -> it failed: no disk\n\n"
        "## Files that it changed\n- b.txt (deleted)\n- a.txt (edited)\n- /elsewhere/c.txt (edited)\n\n"
        "## Its plan (x = done, ~ = begun)\n- [ ] Buy a disk\n- [x] Count\n- [~] W\n\n"
        "## The last that was said\n"
        "User:\nCount the pears\n\nAgent:\nThree.\n\nUser:\nWrite it\ndown\n\n---"
    )


def test_a_plan_that_is_done_is_not_told() -> None:
    turn = make_turn(1)
    plan = make_item(turn, 1, kind="plan", plan=(PlanEntry(content="Count", status="completed"),))
    primer = write_primer(SESSION, "/lane", [turn], {turn.turn_id: [plan]})
    assert primer is not None and "Its plan" not in primer


def test_the_newest_is_kept_and_what_is_left_out_is_counted() -> None:
    turns = [make_turn(n, prompt=f"Ask {n} " + "p" * 2000, summary=f"Say {n} " + "s" * 5000) for n in range(1, 300)]
    items = {
        turn.turn_id: [
            *(edit(turn, k, f"/lane/{n}/{k}.txt") for k in range(20)),
            make_item(turn, 99, text=f"Word {n} " + "w" * 100_000),
        ]
        for n, turn in enumerate(turns, 1)
    }
    primer = write_primer(SESSION, "/lane", turns, items)
    assert primer is not None
    assert len(primer) <= PRIMER_CAP + 10
    assert primer == write_primer(SESSION, "/lane", list(turns), dict(items))
    for told in ("299. Ask 299", "Word 299", "299/19.txt", "earlier requests are left out)", "---"):
        assert told in primer
    assert "1. Ask 1 " not in primer
