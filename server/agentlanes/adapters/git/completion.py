"""Steps that belong together, so that a cancellation waits until all of them are done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def complete(steps: Coroutine[Any, Any, T]) -> T:
    """Runs to the end, also when the caller is cancelled meanwhile; the cancellation follows."""
    task = asyncio.ensure_future(steps)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        # Looked at, so that asyncio does not report it as forgotten: the cancellation is what the caller gets.
        if not task.cancelled():
            task.exception()
        raise
