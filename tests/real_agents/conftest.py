"""Paths of the real agents. A fixture installs what is missing; a test that wants one never goes without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import Client, Rig, join, make_clean_rig
from e2e.story import make_lane, make_session
from real_agents.install import find_codex, find_program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are of real agents, and need no mark that says so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real_agents)


@pytest.fixture(scope="session")
def codex() -> Path:
    """Codex's own binary."""
    return find_codex()


@pytest.fixture(scope="session")
def claude() -> Path:
    """Claude Code's own binary, as the ACP adapter brings it along."""
    return find_program("ci", "@anthropic-ai/claude-agent-sdk-*/claude")


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An installation that no server runs in yet."""
    with make_clean_rig() as rig:
        yield rig


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    """A peer of the rig's server, which is started with what the test's other fixtures configured."""
    rig.start()
    async with join(rig) as client:
        yield client


@pytest.fixture
async def lane(rig: Rig, client: Client) -> dict[str, Any]:
    return await make_lane(client, rig)


@pytest.fixture
async def session(client: Client, lane: dict[str, Any]) -> dict[str, Any]:
    return await make_session(client, lane)
