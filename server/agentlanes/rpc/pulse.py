"""`agent.vitals`, for peers whose subscription names it.

Looking costs a walk over the process table, so nobody looks for a peer that merely takes everything, and nothing is
looked at while no peer asks.
"""

from __future__ import annotations

import asyncio
import logging

from agentlanes.core.errors import Refusal
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.metrics import Metrics
from agentlanes.kernel.ports.agents import Profiles
from agentlanes.rpc.attachments import announce
from agentlanes.rpc.peer import Peer
from agentlanes.wire.models import AgentVitals

log = logging.getLogger(__name__)

TOPIC = "agent.vitals"
EVERY_SECONDS = 1.0


class Pulse:
    """One task while at least one peer listens."""

    def __init__(self, metrics: Metrics, profiles: Profiles, clock: Clock) -> None:
        self._metrics = metrics
        self._profiles = profiles
        self._clock = clock
        self._peers: dict[str, Peer] = {}
        self._fresh: set[str] = set()
        """Peers that were told nothing yet."""
        self._told: dict[str, AgentVitals] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, peer: Peer) -> None:
        """The peer subscribed; it listens if it asked for this by name."""
        self.leave(peer)
        if peer.outbound.names(TOPIC):
            self._peers[peer.id] = peer
            self._fresh.add(peer.id)
            if self._task is None:
                self._task = asyncio.create_task(self._run(), name="pulse")

    def leave(self, peer: Peer) -> None:
        """The peer listens no more."""
        self._fresh.discard(peer.id)
        if self._peers.pop(peer.id, None) is not None and not self._peers and self._task is not None:
            self._task.cancel()
            self._task = None
            self._told.clear()

    async def _run(self) -> None:
        while True:
            try:
                await self._beat()
            except Refusal as refusal:
                log.debug("%s", refusal.message)
            except Exception:
                log.exception("the agents could not be looked at")
            await asyncio.sleep(EVERY_SECONDS)

    async def _beat(self) -> None:
        found = await self._metrics.measure([profile.name for profile in self._profiles.list()])
        fresh, self._fresh = self._fresh, set()
        for vitals in found:
            is_news = self._told.get(vitals.name) != vitals
            self._told[vitals.name] = vitals
            listening = [peer for id, peer in self._peers.items() if is_news or id in fresh]
            if listening:
                frame = announce(self._clock, TOPIC, self._clock.mint("correlation"), vitals)
                for peer in listening:
                    peer.outbound.notify(frame)
