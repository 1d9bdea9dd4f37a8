"""What the agent's settings should be, by the user, the lane and the profile, and what has to change for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from agentlanes.adapters.agents.acp.offers import CHOSEN, MODE, Offers, find_value, merge_choices
from agentlanes.adapters.agents.dialogue.frames import bound_value, show_error
from agentlanes.adapters.agents.dialogue.refusals import DETAILS_CAP
from agentlanes.kernel.ports.agents import AgentView, Launch
from agentlanes.wire.models import Choice, Problem, Turn


class Change(Struct, frozen=True):
    """One setting that gets another value."""

    setting_id: str
    value: str


class UnavailableError(Exception):
    """The agent has no way to do what is wanted."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def find_changes(offers: Offers, launch: Launch, view: AgentView, *, fresh: bool) -> Iterator[Change]:
    """What to change when the session was opened. Raises UnavailableError.

    An agent that reopens a session may leave out what it offers: then a mode is asked for all the same, and the rest
    stays as it is.
    """
    profile = Choice(mode=launch.mode, model=launch.model, effort=launch.effort)
    wanted = merge_choices(profile, view.session.choice)
    mode = _find_mode(offers, view, wanted.mode)
    if mode is None and wanted.mode is None:
        mode = offers.find_supervised()
    if (change := _find_change(offers, "mode", mode or wanted.mode, required=True)) is not None:
        yield change
    for kind in ("model", "effort"):
        if (change := _find_change(offers, kind, getattr(wanted, kind), required=fresh)) is not None:
            yield change


def find_turn_changes(
    offers: Offers, view: AgentView, turn: Turn, applied: Choice, *, planned: bool
) -> Iterator[Change]:
    """What to change before a prompt: what was chosen for it, what was chosen for the session since `applied`, and the
    lane's plan mode, which the agent is to leave where it was `planned` so far. Raises UnavailableError."""
    session = view.session.choice or Choice()
    newer = {name: value for name in CHOSEN if (value := getattr(session, name)) != getattr(applied, name)}
    wanted = merge_choices(Choice(**newer), turn.choice)
    mode = _find_mode(offers, view, wanted.mode)
    if planned and mode is None and wanted.mode is None:
        mode = offers.find_way_back()
    for kind in CHOSEN:
        value = mode or wanted.mode if kind == "mode" else getattr(wanted, kind)
        if (change := _find_change(offers, kind, value, required=True)) is not None:
            yield change


def describe_change_refusal(offers: Offers, setting_id: str, value: str, error: dict[str, Any]) -> Problem:
    """The agent refused: going on with another value than the one asked for could permit what was forbidden."""
    setting = next((known for known in offers.offer.settings if known.setting_id == setting_id), None)
    kind = "mode" if setting is None else setting.kind
    offered = [] if setting is None else [known.value for known in setting.values[:100]]
    return Problem(
        code="AGENT_REFUSED",
        message=f"{kind} {value!r} is wanted and the agent refused ({show_error(error)}); {_advise(kind, offered)}",
        details={"offered": offered, "error": bound_value(error, DETAILS_CAP)},
    )


def _find_mode(offers: Offers, view: AgentView, wanted: str | None) -> str | None:
    """The agent's plan mode where the lane is in its own; None where the lane does not say."""
    if view.permission_mode != "plan":
        return None
    mode = offers.find_plan_mode()
    if mode is None:
        setting = offers.find("mode")
        known = [value.name for value in setting.values] if setting is not None else []
        offered = f"it offers the modes {', '.join(known)}" if known else "it offers no modes"
        raise UnavailableError(
            Problem(
                code="AGENT_REFUSED",
                message=f"the lane's permission mode is plan, and this agent has no mode in which it changes nothing "
                f"({offered}); take an agent that has one, or set the lane to supervised and decide what it asks",
                details={"offered": known, "wanted": wanted},
            )
        )
    offers.note_plan()
    return mode


def _find_change(offers: Offers, kind: str, wanted: str | None, *, required: bool) -> Change | None:
    if wanted is None:
        return None
    setting = offers.find(kind)
    if setting is None:
        if kind == "mode":
            return Change(MODE, wanted)
        if not required:
            return None
        raise UnavailableError(
            Problem(
                code="AGENT_REFUSED",
                message=f"{kind} {wanted!r} is wanted and the agent offers no choice; {_advise(kind, ())}",
                details={"offered": []},
            )
        )
    value = find_value(setting, wanted) or wanted
    return None if setting.value == value else Change(setting.setting_id, value)


def _advise(kind: str, offered: Sequence[str]) -> str:
    if offered:
        return f"it offers {', '.join(offered)}; name one of them as {kind} of the profile or of the choice"
    return (
        f"take {kind} out of the profile or the choice, or pass it in the profile's argv or env as the agent documents"
    )
