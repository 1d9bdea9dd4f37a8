"""Round trips of requests that change nothing, validated by us, against an echo that validates nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.rounds import Scale, interleave, median
from bench.servers import make_node_command, open_pipes, start_bench, start_peer, start_process
from bench.table import Row
from bench.wire import Message, Wire, frame_request, measure_pipelined, measure_sequential

WINDOW = 64
FIRST_ID = 1_000_000
PEER = "vscode-jsonrpc, the same frames unvalidated, on a unix socket"
PEER_STDIO = "vscode-jsonrpc, the same frames unvalidated, on stdio"


def measure(scale: Scale) -> Iterator[Row]:
    """Sequential and pipelined, on the socket and through the relay."""
    with start_bench() as bench, start_peer("rpc.js", bench.rig.folder) as peer:
        setup = bench.connect()
        setup.call("event.subscribe")
        workspace_id = bench.open_workspace(setup)
        lane_id = bench.open_lane(setup, workspace_id)
        terminal_id = bench.open_terminal(setup, lane_id, ["sleep", "1000"])
        # Claimed by somebody else, so that a resize is an asynchronous answer without any effect.
        setup.call("terminal.resize", {"cols": 80, "rows": 24, "claim": True}, terminal_id=terminal_id)
        get: Message = {"envelope_id": "e" * 128, "correlation_id": "c" * 128, "workspace_id": workspace_id}
        resize: Message = {**get, "lane_id": lane_id, "terminal_id": terminal_id, "payload": {"cols": 90, "rows": 30}}
        get["payload"] = {}
        answer = setup.request("workspace.get", get)["payload"]

        count = scale.size(4_000, 256)
        many = scale.size(40_000, 1_000)
        sequential = [frame_request(FIRST_ID + n, "workspace.get", get) for n in range(count)]
        pipelined = [frame_request(FIRST_ID + n, "workspace.get", get) for n in range(many)]
        asynchronous = [frame_request(FIRST_ID + n, "terminal.resize", resize) for n in range(many)]

        ours = bench.connect()
        theirs = peer.connect()
        argv, env = make_node_command("rpc.js", "--stdio")
        with bench.start_relay() as relay, start_process(argv, env) as on_stdio:
            through = open_pipes(relay)
            through.initialize()
            stdio = open_pipes(on_stdio)
            for wire in (theirs, stdio):
                wire.request("prepare", {"payload": answer})

            def in_sequence(wire: Wire) -> Callable[[], float]:
                return lambda: 1 / median(measure_sequential(wire, sequential))

            def in_pipeline(wire: Wire, frames: list[bytes]) -> Callable[[], float]:
                return lambda: len(frames) / measure_pipelined(wire, frames, WINDOW)

            found = interleave(
                scale,
                {
                    "sequential": in_sequence(ours),
                    "sequential, peer": in_sequence(theirs),
                    "sync": in_pipeline(ours, pipelined),
                    "sync, peer": in_pipeline(theirs, pipelined),
                    "async": in_pipeline(ours, asynchronous),
                    "async, peer": in_pipeline(theirs, asynchronous),
                    "relay sequential": in_sequence(through),
                    "relay sequential, peer": in_sequence(stdio),
                    "relay sync": in_pipeline(through, pipelined),
                    "relay sync, peer": in_pipeline(stdio, pipelined),
                },
            )
            relay.kill()
        for wire in (setup, ours, theirs):
            wire.close()
        bench.rig.clear()

    def row(name: str, what: str, limit: float, against: str) -> Row:
        return Row(what, "/s", median(found[name]), median(found[f"{name}, peer"]), "at least", limit, against)

    yield row("sequential", "query, sequential", 1.0, PEER)
    yield row("sync", f"query, {WINDOW} pipelined", 3.0, PEER)
    yield row("async", f"query, {WINDOW} pipelined, async", 2.5, PEER)
    yield row("relay sequential", "query through the relay, sequential", 0.8, PEER_STDIO)
    yield row("relay sync", f"query through the relay, {WINDOW} pipelined", 2.4, PEER_STDIO)
