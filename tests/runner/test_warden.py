"""What process trees take, measured and held to limits."""

from __future__ import annotations

import signal
import sys

import pytest

from agentlanes.adapters.runners.report import decode_breach
from runner.rig import Client, Refused, Rig, eventually, find_marked, spawn, spawn_python

HOLDING = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = bytearray(int(sys.argv[1]) << 20)
        held[::4096] = b"x" * len(held[::4096])
        print(os.getpid(), flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(1000)
"""
"""An orphan of the process holds memory."""

SHARING = """
import mmap, os, sys, time
held = bytearray(60 << 20)
held[::4096] = b"x" * len(held[::4096])
for _ in range(4):
    if os.fork() == 0:
        break
else:
    print("ready", flush=True)
time.sleep(1000)
"""
"""Five processes that share 60 MiB: 300 MiB are resident if each counts alone."""

BURNING = "print('ready', flush=True)\nwhile True: pass"


def limit(client: Client, process_id: str, **fields: object) -> None:
    client.call("limit", process_id=process_id, every_ms=20, **fields)


def measure(client: Client, process_id: str) -> dict[str, int] | None:
    usage: dict[str, int] | None = client.call("measure", process_ids=[process_id])["usages"].get(process_id)
    return usage


def test_a_tree_is_measured_with_what_left_it(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", HOLDING, "80")
    eventually(lambda: rig.read("p", "out"))
    usage = measure(client, "p")
    assert usage is not None
    assert usage["memory_bytes"] > 80 << 20
    assert usage["processes"] == 2
    assert usage["uptime_ms"] >= 0 and usage["cpu_ms"] >= 0
    assert measure(client, "unknown") is None


def test_what_holds_too_much_memory_is_killed_and_said_so(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", HOLDING, "80")
    eventually(lambda: rig.read("p", "out"))
    limit(client, "p", memory_mb=4096)
    limit(client, "p", memory_mb=70)
    exited = client.event("exited", process_id="p")
    assert exited["signal"] == signal.SIGKILL
    assert exited["breach"]["limit"] == "memory_limit_mb"
    assert (exited["breach"]["value"], exited["breach"]["used"] > 70) == (70, True)
    client.event("swept", process_id="p")
    assert find_marked(rig.home, "p") == []


def test_how_it_ended_is_known_to_a_server_that_was_away(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", HOLDING, "80")
    eventually(lambda: rig.read("p", "out"))
    limit(client, "p", memory_mb=70)
    client.event("swept", process_id="p")
    (process,) = client.hello()["processes"]
    breach = decode_breach(process)
    assert breach is not None and (breach.limit, breach.value) == ("memory_limit_mb", 70)
    assert decode_breach(rig.story().processes["p"]) == breach


def test_shared_memory_counts_once(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", SHARING)
    eventually(lambda: rig.read("p", "out"))
    usage = measure(client, "p")
    assert usage is not None and usage["memory_bytes"] > 250 << 20
    limit(client, "p", memory_mb=200)
    # It was looked at once a second look has answered.
    for _ in range(20):
        measure(client, "p")
    (process,) = client.hello()["processes"]
    assert (process["state"], process["limited"], process["breach"]) == ("running", True, None)


def test_what_burns_cpu_for_too_long_is_killed(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", BURNING)
    limit(client, "p", cpu_percent=5, cpu_window_ms=400)
    breach = client.event("exited", process_id="p")["breach"]
    assert breach["limit"] == "cpu_limit_percent"
    assert breach["used"] > 5 and breach["window_ms"] >= 400


def test_what_burns_less_than_it_may_goes_on(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sleep", "1000")
    limit(client, "p", cpu_percent=5, cpu_window_ms=100)
    spawn_python(client, "q", BURNING)
    limit(client, "q", cpu_percent=5, cpu_window_ms=400)
    # By then the one that does nothing was judged as well.
    client.event("exited", process_id="q")
    states = {process["process_id"]: process["state"] for process in client.hello()["processes"]}
    assert states["p"] == "running"


def test_a_limit_is_lifted(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sleep", "1000")
    limit(client, "p", memory_mb=4096)
    assert client.hello()["processes"][0]["limited"] is True
    client.call("limit", process_id="p")
    assert client.hello()["processes"][0]["limited"] is False


@pytest.mark.parametrize("fields", [{"memory_mb": 0}, {"cpu_percent": 0}, {"memory_mb": "1"}])
def test_a_limit_that_means_nothing_is_refused(client: Client, fields: dict[str, object]) -> None:
    spawn(client, "p", "sleep", "1000")
    with pytest.raises(Refused) as refused:
        client.call("limit", process_id="p", **fields)
    assert refused.value.code == "BAD_REQUEST"


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_a_runner_says_what_it_can_do(client: Client) -> None:
    assert client.hello()["features"] == ["limit", "measure"]
