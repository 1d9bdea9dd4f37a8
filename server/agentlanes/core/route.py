"""The way of an agent to its model: through the harness while it is healthy, else around it, with the reason.

It is decided when an agent starts, and looked at again before each turn. A turn that runs keeps the one that it has.
"""

from __future__ import annotations

import msgspec

from agentlanes.core.draft import Draft
from agentlanes.core.world import ProfileSeen
from agentlanes.wire.models import Problem, Session, SessionRoute, Transport

HARNESS: Transport = "cliproxy_harness"
NATIVE: Transport = "native_openai"


def prefer(draft: Draft, wanted: Transport | None, profile: ProfileSeen) -> tuple[Transport, SessionRoute | None]:
    """What a session that wants this takes at first. One that never wants the harness has no route to tell of."""
    preferred = wanted or profile.transport or NATIVE
    if preferred == NATIVE:
        return NATIVE, None
    if not profile.routable:
        reason = Problem(
            code="ROUTE_NOT_SUPPORTED",
            message=f"profile {profile.name} says no way through the harness; "
            f"[profiles.{profile.name}.harness] with args or env does",
        )
        return NATIVE, SessionRoute(preferred_transport=NATIVE, reason=reason, decided_at=draft.command.at)
    transport, problem = _choose(draft)
    return transport, SessionRoute(preferred_transport=preferred, reason=problem, decided_at=draft.command.at)


def decide(draft: Draft, session: Session) -> tuple[Transport, SessionRoute | None]:
    """What the session's agent takes if it starts now."""
    route = session.route
    if route is None or route.preferred_transport == NATIVE:
        return NATIVE, route
    transport, problem = _choose(draft)
    if transport == session.transport and _same(problem, route.reason):
        return transport, route
    return transport, msgspec.structs.replace(route, reason=problem, decided_at=draft.command.at)


def must_stay(session: Session) -> bool:
    """Whether an agent that starts anew would lose the conversation."""
    return session.route is not None and session.route.prompted is True and not session.resumable


def stay(draft: Draft, session: Session, wanted: Transport) -> Session:
    """Records, once, why the agent keeps the route that it has."""
    assert session.route is not None
    message = (
        f"this agent cannot continue a conversation in a new process, so it stays on {session.transport}; "
        f"a new session takes {wanted}"
    )
    reason = session.route.reason
    if reason is not None and reason.message == message:
        return session
    problem = Problem(code="ROUTE_NOT_SUPPORTED", message=message)
    route = msgspec.structs.replace(session.route, reason=problem, decided_at=draft.command.at)
    changed: Session = draft.change("session.updated", session, route=route)
    return changed


def _choose(draft: Draft) -> tuple[Transport, Problem | None]:
    harness = draft.harness()
    if harness is None or harness.fault == "not_configured":
        message = "the config file names no harness; a [harness] table with its url does"
        return NATIVE, Problem(code="HARNESS_NOT_CONFIGURED", message=message)
    if harness.status == "healthy":
        return HARNESS, None
    return harness.fallback_transport, Problem(
        code="HARNESS_UNAVAILABLE",
        message=f"the harness is {harness.status}: {harness.degrade_reason or harness.fault or 'no reason was told'}",
        retryable=True,
        details={"status": harness.status, "fault": harness.fault},
    )


def _same(one: Problem | None, other: Problem | None) -> bool:
    return (one and (one.code, one.details)) == (other and (other.code, other.details))
