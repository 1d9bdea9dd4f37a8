"""A stand-in for `python -m agentlanes.daemon`: the lock, the socket, a desk with a few more methods. Logs its pid."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from agentlanes import locations, relay
from agentlanes.rpc.listener import Listener
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Reply
from rpc.stand_ins import Desk, MemoryFeed


def show(peer: Peer) -> Reply:
    shown = {
        "version": peer.relay_version,
        "cwd": peer.cwd,
        "env": peer.env,
        "pid": os.getpid(),
        "here": str(Path.cwd()),
    }
    return Reply(msgspec.json.encode(shown))


def fill(params: dict[str, int]) -> Reply:
    return Reply(b'"' + b"x" * params["size"] + b'"')


async def serve() -> None:
    desk = Desk()
    desk.answers["peer.show"] = lambda peer, params: show(peer)
    desk.answers["big.read"] = lambda peer, params: fill(params)
    desk.answers["server.die"] = lambda peer, params: os._exit(1)
    feed = MemoryFeed()
    feed.grow(1000, size=1000)
    desk.answers["event.subscribe"] = lambda peer, params: Reply(b"{}", then=lambda: peer.outbound.subscribe(0))
    numbers = itertools.count(1)
    listener = Listener(desk, feed, lambda: f"peer_{next(numbers)}")
    await listener.open(locations.make_server_socket())
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await listener.close()


def main() -> int:
    mode = sys.argv[1]
    with Path(f"{locations.find_state_dir()}/starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    if mode == "fail":
        sys.stdout.write("reading config.toml\nconfig.toml: line 3: no such driver: 'codexx'\n\n")
        return 3
    with Path(locations.find_server_lock()).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return relay.ALREADY_RUNS
        if mode == "silent":
            time.sleep(60)
        asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
