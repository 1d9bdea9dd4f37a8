"""The drivers that there are, by the name that profiles give them."""

from __future__ import annotations

from typing import Protocol

from agentlanes.adapters.agents.acp.driver import AcpDriver
from agentlanes.adapters.agents.codex.driver import CodexDriver
from agentlanes.adapters.agents.stream_json.driver import open_stream_json
from agentlanes.adapters.agents.terminal.driver import TerminalDriver
from agentlanes.kernel.ports.agents import Driver, Launch
from agentlanes.wire.models import Session


class MakeDriver(Protocol):
    """What makes a driver for one process."""

    def __call__(self, launch: Launch, process_id: str, *, version: str = "0") -> Driver: ...


DRIVERS: dict[str, MakeDriver] = {
    "acp": AcpDriver,
    "codex": CodexDriver,
    "stream_json": open_stream_json,
    "terminal": TerminalDriver,
}


def open_driver(session: Session, launch: Launch, *, version: str = "0") -> Driver:
    """A driver for the session's process. `version` is the release of agentlanes that the agent is told.

    Raises LookupError for a name that no driver has; profiles with such a name are refused before.
    """
    driver = DRIVERS.get(launch.driver)
    if driver is None:
        raise LookupError(f"there is no driver {launch.driver!r}; there are {', '.join(DRIVERS)}")
    assert session.process_id is not None
    return driver(launch, session.process_id, version=version)
