from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from conformance.agreement import check_agreement
from e2e.rig import Client, Rig, make_rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An installation with a running server. Afterwards nothing of it runs, and its server logged no error."""
    with make_rig() as rig:
        rig.make_repo()
        rig.start()
        yield rig
        rig.clear()
        assert " ERROR " not in rig.read_log(), rig.read_log()


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    client = await rig.connect()
    await client.call("event.subscribe")
    yield client
    await check_agreement(rig, client)
    await client.close()
