"""`agentlanes demo-agent`: the bundled agent."""

from __future__ import annotations

import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """It has no arguments: an ACP client says everything on stdin."""


def run(arguments: argparse.Namespace) -> int:
    """Serve one client until stdin ends."""
    from agentlanes import demo_agent

    return demo_agent.main()
