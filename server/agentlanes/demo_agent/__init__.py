"""A coding agent without a model: it speaks ACP version 1 over stdio, works in its directory, needs no network.

What it says is decided by the prompt alone, so that a first try, a test and a benchmark see the same turn each time.
Standard library only: a session with it starts in tens of milliseconds.
"""

from __future__ import annotations


def main() -> int:
    """Serve one client on stdin and stdout until stdin ends; returns the exit code."""
    from agentlanes.demo_agent.agent import serve

    return serve()
