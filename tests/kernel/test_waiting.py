"""What may be told, or acted on, only once it is on disk."""

from __future__ import annotations

import asyncio

import pytest

from agentlanes.core.errors import Refusal
from agentlanes.core.state import State
from agentlanes.kernel.kernel import Kernel
from kernel.driving import Fault, GatedStore, ask_workspace


def has_workspace(state: State) -> bool:
    return any(True for _ in state.all("workspace"))


async def let_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_was_read_is_told_after_its_commit(kernel: Kernel, store: GatedStore) -> None:
    await kernel.committed()
    store.gate.clear()
    future = kernel.submit(ask_workspace())
    waiting = asyncio.create_task(kernel.committed())
    await let_run()
    assert not waiting.done()
    store.gate.set()
    await waiting
    assert (await future).seq == 1


async def test_what_was_read_and_never_written_is_not_told(kernel: Kernel, store: GatedStore) -> None:
    store.faults = {1: Fault.REFUSED}
    store.gate.clear()
    future = kernel.submit(ask_workspace())
    waiting = asyncio.create_task(kernel.committed())
    await let_run()
    store.gate.set()
    for refused in (waiting, future):
        with pytest.raises(Refusal) as raised:
            await refused
        assert raised.value.code == "STORE_UNAVAILABLE"
    await kernel.committed()


async def test_a_condition_holds_once_it_is_committed(kernel: Kernel, store: GatedStore) -> None:
    waiting = asyncio.create_task(kernel.until(has_workspace))
    await let_run()
    store.gate.clear()
    future = kernel.submit(ask_workspace())
    await let_run()
    assert not waiting.done()
    store.gate.set()
    await future
    await waiting


async def test_a_condition_that_holds_of_what_another_commit_does_not_hold_yet(
    kernel: Kernel, store: GatedStore
) -> None:
    """The report of one commit must not let a condition pass that the next one is about to make true."""
    waiting = asyncio.create_task(kernel.until(lambda state: len(list(state.all("workspace"))) == 2))
    await let_run()
    store.gate.clear()
    first = kernel.submit(ask_workspace())
    await store.wait_for_commit()
    store.faults = {2: Fault.REFUSED}
    second = kernel.submit(ask_workspace())
    store.gate.set()
    await first
    with pytest.raises(Refusal):
        await second
    await let_run()
    if waiting.done():
        assert isinstance(waiting.exception(), Refusal)
    else:
        await kernel.submit(ask_workspace())
        await waiting


async def test_a_condition_that_holds_already(kernel: Kernel) -> None:
    await kernel.submit(ask_workspace())
    await kernel.until(has_workspace)


async def test_who_gives_up_waiting_is_forgotten(kernel: Kernel) -> None:
    waiting = asyncio.create_task(kernel.until(has_workspace))
    await let_run()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await kernel.submit(ask_workspace())
    await kernel.submit(ask_workspace())
