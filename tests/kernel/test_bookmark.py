"""What of an agent's steps is recorded at once, and what with a later one."""

from __future__ import annotations

from agentlanes.kernel.reactors.bookmark import LAG_BYTES, Bookmark
from agentlanes.wire.models import FrameCursor, SessionApply

PROCESS = "pr_01JQ8Z7V5M3K9T2XWB4C6D0E99"


def at(applied: int, rest: int = 0) -> FrameCursor:
    return FrameCursor(rest=rest, applied=applied)


def step(cursor: FrameCursor | None, activity: str | None = None) -> SessionApply:
    return SessionApply(process_id=PROCESS, cursor=cursor, activity=activity)


def test_a_cursor_that_moves_waits_for_something_else_to_be_recorded() -> None:
    bookmark = Bookmark(at(100))
    assert bookmark.plan(step(at(200))) is None
    assert bookmark.plan(step(at(300, rest=250))) is None
    assert bookmark.recorded == at(100)
    planned = bookmark.plan(step(None, "Working"))
    assert planned == step(at(300, rest=250), "Working")
    bookmark.note(planned)
    assert bookmark.recorded == at(300, rest=250)
    assert bookmark.plan(step(None, "Reading")) == step(None, "Reading")


def test_a_cursor_stays_behind_by_so_much() -> None:
    bookmark = Bookmark(at(100))
    assert bookmark.plan(step(at(99 + LAG_BYTES))) is None
    assert bookmark.plan(step(at(100 + LAG_BYTES))) == step(at(100 + LAG_BYTES))


def test_what_could_not_be_recorded_is_planned_again() -> None:
    bookmark = Bookmark(at(100))
    assert bookmark.plan(step(at(200), "Working")) is not None
    assert bookmark.plan(step(None, "Working")) == step(at(200), "Working")
