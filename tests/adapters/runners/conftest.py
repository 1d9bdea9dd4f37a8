"""What every test of the port has."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator

import pytest

from adapters.runners.scene import Bench
from agentlanes.kernel.ports.runners import Runners
from runner.rig import count_fds, make_folder


@pytest.fixture
async def bench(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Bench]:
    """Afterwards no runner, no process, no descriptor, no task and no error in the log is left."""
    before = count_fds(os.getpid())
    with make_folder() as folder:
        bench = Bench(folder)
        try:
            yield bench
        finally:
            await bench.clear()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert count_fds(os.getpid()) == before
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def server(bench: Bench) -> Runners:
    return await bench.started()
