"""The commands that people and scripts type. `agentlanes stdio` alone is answered before this package is loaded."""

from __future__ import annotations


def main(argv: list[str]) -> int:
    """Run one command and return the exit code: 0, 1 for a failure that was told on stderr, 2 for wrong usage."""
    from agentlanes.cli.commands import run

    return run(argv)
