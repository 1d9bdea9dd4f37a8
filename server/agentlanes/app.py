"""The composition root: the one place that knows everyone.

Start: lock → log → runners and what they hold → what ended meanwhile → operations that were cut → the socket. A client
is served only when the log agrees with the processes that are there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from agentlanes import locations
from agentlanes.adapters.agents.installations import LocalInstallations
from agentlanes.adapters.agents.profiles import TomlProfiles
from agentlanes.adapters.files.local_files import LocalFiles
from agentlanes.adapters.git.local_git import LocalGit
from agentlanes.adapters.harness.cliproxy import Cliproxy
from agentlanes.adapters.renderers.renderers import LocalRenderers
from agentlanes.adapters.runners.runners import LocalRunners
from agentlanes.adapters.store.sqlite import SqliteStore
from agentlanes.crash_points import reached, reached_in_git
from agentlanes.kernel.agents import Agents
from agentlanes.kernel.clock import Clock
from agentlanes.kernel.environments import Environments
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.metrics import Metrics
from agentlanes.kernel.observers import Observers
from agentlanes.kernel.ports.agents import Driver, Launch, Profiles
from agentlanes.kernel.ports.store import StoreRefused
from agentlanes.kernel.reactors.conversation import HANDSHAKE_SECONDS
from agentlanes.kernel.reactors.conversations import Conversations
from agentlanes.kernel.reactors.engine import Engine
from agentlanes.kernel.reactors.expiry import Expiry
from agentlanes.kernel.reactors.harness import Watch
from agentlanes.kernel.reactors.lanes import Lanes
from agentlanes.kernel.reactors.limits import Limits
from agentlanes.kernel.reactors.processes import Processes
from agentlanes.kernel.reactors.renderers import Switches
from agentlanes.kernel.reactors.scripts import Scripts
from agentlanes.kernel.reactors.stops import Stops
from agentlanes.kernel.reactors.watchdog import Watchdog
from agentlanes.kernel.views import Views
from agentlanes.kernel.vitals import Vitals
from agentlanes.relay import VERSION
from agentlanes.rpc.connection import Connections
from agentlanes.rpc.dispatch import Dispatcher
from agentlanes.rpc.lsp.front import Front
from agentlanes.rpc.pulse import Pulse
from agentlanes.rpc.terminals import Terminals
from agentlanes.wire.models import Session

log = logging.getLogger(__name__)

LOG_NAME = "log.db"
RESPONSES_KEPT_SECONDS = 48 * 3600
PRUNE_EVERY_SECONDS = 3600


class Places(Struct, frozen=True):
    """Where this server keeps what."""

    state_dir: Path
    run_dir: Path
    data_dir: Path
    config_path: Path

    @classmethod
    def find(cls) -> Places:
        """By the environment. Makes the folders; raises LocationError."""
        return cls(
            state_dir=Path(locations.make_dir(locations.find_state_dir())),
            run_dir=Path(locations.make_run_dir()),
            data_dir=Path(locations.make_dir(locations.find_data_dir())),
            config_path=Path(locations.find_config_dir()) / "config.toml",
        )


def make_driver(session: Session, launch: Launch) -> Driver:
    """The driver of a session's agent."""
    # Drivers take a tenth of the server's start to import, and only a session needs one.
    from agentlanes.adapters.agents.drivers import open_driver

    return open_driver(session, launch, version=VERSION)


class Server(Struct):
    """Everything that runs in one server, ready to be served."""

    kernel: Kernel
    front: Front
    stopped: asyncio.Event
    """Set when somebody asked the server to stop."""
    _closing: list[Callable[[], Awaitable[None]]]

    async def close(self) -> None:
        """Stops what runs here. Runners, and what they hold, go on."""
        for close in self._closing:
            await close()


async def start(places: Places) -> Server:
    """Builds a server on its state and brings both in line with the world. Raises StoreRefused."""
    clock = Clock()
    stopped = asyncio.Event()
    _check_log(places.state_dir)
    store = SqliteStore(places.state_dir / LOG_NAME, lambda: clock.mint("server"))
    kernel = Kernel(store, clock)
    store.prune(int(time.time()) - RESPONSES_KEPT_SECONDS)
    git = LocalGit(places.data_dir, reached=reached_in_git)
    runners = LocalRunners(places.run_dir, places.state_dir / "tapes")
    renderers = LocalRenderers(places.state_dir / "tapes", runners)
    profiles = TomlProfiles(places.config_path)
    installations = LocalInstallations()
    vitals = Vitals()
    environments = Environments()

    views = Views(kernel, git, vitals)
    harness = Cliproxy(profiles.harness)
    watch = Watch(kernel, harness, environments, vitals, clock)
    conversations = Conversations(
        kernel,
        runners,
        profiles,
        environments,
        vitals,
        clock,
        make_driver,
        _find_patience(),
        harness.plan,
    )
    processes = Processes(kernel, runners, environments, vitals, conversations)
    lanes = Lanes(kernel, git, runners, Scripts(kernel, LocalFiles()), clock)
    stops = Stops(kernel, runners)
    switches = Switches(kernel, renderers, runners)
    engine = Engine(
        kernel,
        {
            **lanes.effects(),
            **conversations.effects(),
            **processes.effects(),
            **stops.effects(),
            **switches.effects(),
        },
        {**lanes.give_ups(), **conversations.give_ups(), **processes.give_ups(), **switches.give_ups()},
    )
    expiry = Expiry(kernel, clock)
    limits = Limits(kernel, runners, clock)
    watchdog = Watchdog(kernel, runners, vitals, clock, conversations.abandon, profiles.patience)
    pruning = asyncio.create_task(_prune(store), name="prune")

    reached("boot.read")
    adoption = await runners.start()
    reached("boot.adopted")
    conversations.start()
    await processes.adopt(adoption)
    reached("boot.told")
    engine.start()
    expiry.start()
    limits.start()
    watchdog.start()
    watch.start()
    reached("boot.driven")

    metrics = Metrics(kernel, runners, vitals, clock)
    pulse = Pulse(metrics, profiles, clock)
    dispatcher = Dispatcher(
        kernel,
        Observers(store, kernel.committed, git, profiles, places.data_dir / "lanes", renderers, watch.refresh),
        views,
        Agents(profiles, installations),
        metrics,
        watch,
        Terminals(kernel, views, runners, renderers, vitals, clock),
        Connections(kernel, views, vitals, runners, clock, pulse, VERSION, places.state_dir),
        environments,
        clock,
        stopped.set,
    )
    profiles.listen(lambda: _publish_env_pass(profiles, places.run_dir / "env_pass"))
    _publish_env_pass(profiles, places.run_dir / "env_pass")

    async def close_store() -> None:
        pruning.cancel()
        await asyncio.gather(pruning, return_exceptions=True)
        await kernel.close()
        store.close()

    return Server(
        kernel,
        Front(dispatcher, kernel, views, renderers, clock, VERSION, places.state_dir / "documents"),
        stopped,
        [
            installations.close,
            watchdog.close,
            limits.close,
            watch.close,
            expiry.close,
            engine.close,
            conversations.close,
            processes.close,
            renderers.close,
            runners.close,
            close_store,
        ],
    )


def _check_log(state_dir: Path) -> None:
    """A log that lost every byte looks like a new one, to which all that runs would be unknown, and be ended."""
    path = state_dir / LOG_NAME
    if path.exists() and not path.stat().st_size and any(state_dir.glob("tapes/*")):
        raise StoreRefused(
            "LOG_DAMAGED",
            f"{path} is empty, and there are tapes of processes that it should tell of; put a backup in its place, or "
            "move it away to start anew, which ends what runs",
        )


def _find_patience() -> float:
    """How long agents may take to open a session. A machine on which they start slower than we expect can say so."""
    return float(os.environ.get("AGENTLANES_HANDSHAKE_SECONDS") or HANDSHAKE_SECONDS)


def _publish_env_pass(profiles: Profiles, path: Path) -> None:
    """Tells relays which variables profiles want of their environment."""
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(f"{name}\n" for name in profiles.env_pass()))
    fresh.replace(path)


async def _prune(store: SqliteStore) -> None:
    while True:
        await asyncio.sleep(PRUNE_EVERY_SECONDS)
        await asyncio.to_thread(store.prune, int(time.time()) - RESPONSES_KEPT_SECONDS)
