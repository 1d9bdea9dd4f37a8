"""Which of the drivers for lines of JSON a profile's agent needs."""

from __future__ import annotations

from agentlanes.adapters.agents.stream_json.claude import ClaudeDriver
from agentlanes.adapters.agents.stream_json.launching import DIALECTS, find_dialect
from agentlanes.adapters.agents.stream_json.once import OnceDriver
from agentlanes.kernel.ports.agents import Driver, Launch


def open_stream_json(launch: Launch, process_id: str, *, version: str = "0") -> Driver:
    """A driver for one process of the agent that the profile's quirks, or else its program's name, say it is."""
    make = OnceDriver if find_dialect(launch) in DIALECTS else ClaudeDriver
    return make(launch, process_id, version=version)
