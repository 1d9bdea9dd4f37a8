from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from e2e.rig import Client, Rig, join, make_clean_rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An installation with a running server."""
    with make_clean_rig() as rig:
        rig.start()
        yield rig


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    async with join(rig) as client:
        yield client
