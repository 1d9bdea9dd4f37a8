"""At the end of a test, the mirror that a client kept is what a new client is given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from conformance.mirror import Mirror

if TYPE_CHECKING:
    from e2e.rig import Client, Rig

LOOKS = 250
PAUSE_SECONDS = 0.02

VITALS = {
    "session": ("last_heartbeat_at",),
    "harness": ("last_check_at",),
    "terminal": ("last_output_seq", "cols", "rows"),
}
"""Fields that are read, never logged."""


async def check_agreement(rig: Rig, client: Client) -> None:
    """Looks until both are at the same event, and then they must be equal. A client that did not begin with a snapshot,
    or that lost its server, has nothing to compare."""
    if client.is_lost or client.oracle.mirror.seq is None:
        return
    fresh = await rig.connect("fresh")
    kept = given = client.oracle.mirror
    for _ in range(LOOKS):
        given = Mirror()
        given.begin(await fresh.call("event.subscribe"))
        if given.seq == kept.seq and _show(given) == _show(kept):
            break
        await asyncio.sleep(PAUSE_SECONDS)
    await fresh.close()
    assert given.seq == kept.seq, (
        f"a new peer is given event {given.seq}, and the one of the test heard {kept.seq} last"
    )
    assert _show(given) == _show(kept)


def _show(mirror: Mirror) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        noun: {
            id: {name: value for name, value in entity.items() if name not in VITALS.get(noun, ())}
            for id, entity in entities.items()
        }
        for noun, entities in mirror.show().items()
    }
