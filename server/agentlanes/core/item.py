"""How items are recorded."""

from __future__ import annotations

import msgspec

from agentlanes.core import queue
from agentlanes.core.draft import Draft
from agentlanes.wire.models import Item
from agentlanes.wire.table import MACHINES


def record(draft: Draft, item: Item) -> None:
    """Puts an item as its driver has it now: begun, changed or closed. What comes after its turn's end is closed."""
    known = draft.get("item", item.item_id) is not None
    if not known and not MACHINES["item"].is_final(item.status):
        turn = queue.active(draft, item.session_id)
        if turn is None or turn.turn_id != item.turn_id:
            item = msgspec.structs.replace(item, status="completed", ended_at=draft.command.at)
    if MACHINES["item"].is_final(item.status):
        draft.put("item.completed", item)
    else:
        draft.put("item.updated" if known else "item.started", item)
