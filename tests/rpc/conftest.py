from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from rpc.stand_ins import Client, Server, until


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test leaves an error in the log that it did not take out."""
    yield
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def count_sockets() -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(1 for link in links if link.is_socket())


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    before = count_sockets()
    server = Server()
    yield server
    await server.close()
    await until(lambda: count_sockets() <= before)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert left == set()


@pytest.fixture
async def client(server: Server) -> Client:
    return await server.connect()
