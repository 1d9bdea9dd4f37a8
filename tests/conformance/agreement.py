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
    kept = client.oracle.mirror
    looks: list[str] = []
    for _ in range(LOOKS):
        given = Mirror()
        given.begin(await fresh.call("event.subscribe"))
        differing = _find_differences(given, kept)
        if given.seq == kept.seq and not differing:
            break
        looks.append(f"given event {given.seq}, heard {kept.seq}, differing in {differing}")
        await asyncio.sleep(PAUSE_SECONDS)
    else:
        told = "\n".join(looks[-1:] + looks[:3])
        raise AssertionError(
            f"a new peer is given other than the one of the test has heard; at last, and first:\n{told}"
        )
    await fresh.close()


def _find_differences(given: Mirror, kept: Mirror) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What is in one and not so in the other, by noun."""
    one, other = _show(given), _show(kept)
    return {
        noun: (
            {id: entity for id, entity in one[noun].items() if other[noun].get(id) != entity},
            {id: entity for id, entity in other[noun].items() if one[noun].get(id) != entity},
        )
        for noun in one
        if one[noun] != other[noun]
    }


def _show(mirror: Mirror) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        noun: {
            id: {name: value for name, value in entity.items() if name not in VITALS.get(noun, ())}
            for id, entity in entities.items()
        }
        for noun, entities in mirror.show().items()
    }
