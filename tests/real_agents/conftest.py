"""Paths of the real agents. A fixture installs what is missing; a test that wants one never goes without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conformance.agreement import check_agreement
from e2e.rig import Client, Rig, make_rig
from real_agents.install import find_codex, find_modules, find_program


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


@pytest.fixture(scope="session")
def claude_agent_acp() -> Path:
    """The script that Node runs."""
    return find_modules("ci") / "@agentclientprotocol" / "claude-agent-acp" / "dist" / "index.js"


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An installation that no server runs in yet. Afterwards nothing of it runs, and its server logged no error."""
    with make_rig() as rig:
        rig.make_repo()
        yield rig
        rig.clear()
        assert " ERROR " not in rig.read_log(), rig.read_log()


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    """A peer of the rig's server, which is started with what the test's other fixtures configured."""
    rig.start()
    client = await rig.connect()
    await client.call("event.subscribe")
    yield client
    await check_agreement(rig, client)
    await client.close()
