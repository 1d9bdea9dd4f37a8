"""The port to the harness: where it is, and a look at how it is."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from agentlanes.wire.models import HarnessFault, HarnessHealth


class HarnessPlan(Struct, frozen=True):
    """What the config file says of the harness. The numbers are settled; README says why a user would change one."""

    url: str
    key_env: str | None = None
    """Name of the variable that holds its key; None where it wants none."""
    interval_seconds: float = 5.0
    """Between two checks while no agent runs through it."""
    timeout_seconds: float = 0.75
    """Of one check. Two that fail, and the pause between them, fit the two seconds in which a prompt must know."""
    failures: int = 2
    """Checks in a row that take it out: one lost answer is no outage."""
    successes: int = 3
    """Checks in a row that bring it back: an agent is started anew for it, which is not done on a whim."""
    cooldown_seconds: float = 60.0
    """For how long what an agent met in its turn (503, 429) outweighs checks that find nothing wrong: the list of
    models is there also while every account behind it is used up."""


class Finding(Struct, frozen=True):
    """What one check found."""

    status: HarnessHealth
    fault: HarnessFault | None = None
    reason: str | None = None


class Harness(Protocol):
    """The harness that the config file names."""

    def plan(self) -> HarnessPlan | None:
        """Where it is; None where the file names none. Read anew where the file changed."""

    async def probe(self, plan: HarnessPlan, key: str | None) -> Finding:
        """One check within the plan's timeout. Never raises."""

    async def close(self) -> None:
        """Closes its connections."""
