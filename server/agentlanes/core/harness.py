"""Decisions about the harness: what is recorded of its health. Only a change is an event."""

from __future__ import annotations

from agentlanes.core.command import Command
from agentlanes.core.draft import Draft
from agentlanes.core.errors import Refusal
from agentlanes.wire.models import HarnessSettle, HarnessStatus


def settle(draft: Draft, command: Command[HarnessSettle]) -> None:
    found = command.payload
    known = draft.harness()
    if known is not None and (known.url, known.status, known.fault) == (found.url, found.status, found.fault):
        raise Refusal("STALE", f"the harness is known to be {known.status}", status=known.status)
    draft.put(
        "harness.status.changed",
        HarnessStatus(
            harness_id=known.harness_id if known is not None else command.minter.mint("harness"),
            url=found.url,
            status=found.status,
            fault=found.fault,
            degrade_reason=found.degrade_reason,
            fallback_transport="native_openai",
            previous=known.status if known is not None else None,
            source=found.source,
            changed_at=command.at,
            last_check_at=known.last_check_at if known is not None and found.source == "config" else command.at,
        ),
    )
