"""The drivers that there are, by the name that profiles give them."""

from __future__ import annotations

from agentlanes.adapters.agents.acp.driver import AcpDriver
from agentlanes.adapters.agents.codex.driver import CodexDriver
from agentlanes.kernel.ports.agents import Driver, Launch
from agentlanes.wire.models import Session

DRIVERS: dict[str, type[AcpDriver] | type[CodexDriver]] = {"acp": AcpDriver, "codex": CodexDriver}


def open_driver(session: Session, launch: Launch, *, version: str = "0") -> Driver:
    """A driver for the session's process. `version` is the release of agentlanes that the agent is told.

    Raises LookupError for a name that no driver has; profiles with such a name are refused before.
    """
    driver = DRIVERS.get(launch.driver)
    if driver is None:
        raise LookupError(f"there is no driver {launch.driver!r}; there are {', '.join(DRIVERS)}")
    assert session.process_id is not None
    return driver(launch, session.process_id, version=version)
