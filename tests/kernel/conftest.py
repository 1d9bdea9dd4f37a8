from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agentlanes.adapters.store.memory import MemoryStore
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.kernel import Kernel
from kernel.driving import GatedStore


@pytest.fixture
def store() -> GatedStore:
    return GatedStore()


@pytest.fixture
async def kernel(store: MemoryStore) -> AsyncIterator[Kernel]:
    kernel = Kernel(store, Clock())
    yield kernel
    await kernel.close()
