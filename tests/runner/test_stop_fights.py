"""Process trees that fight back: shed their environment and their parents, start each other again, stop the runner."""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from agentlanes.adapters.runners.survivors import sweep_survivors
from agentlanes.runner.table import RLIMIT_LOCKS, read_mark
from runner.rig import TERMINAL, Client, Rig, eventually, is_alive, spawn, spawn_python

NAMELESS = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        program = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
        os.execve(sys.executable, [sys.executable, "-S", "-c", program], {})
    os._exit(0)
os.wait()
time.sleep(1000)
"""
"""A child without the environment, in a session of its own, whose parent is the runner."""

RESPAWNING = """
import fcntl, os, signal, sys, time
folder, count = sys.argv[1], 12

def live(slot, lock):
    os.setsid()
    for number in (1, 2, 15):
        signal.signal(number, signal.SIG_IGN)
    with open(f"{folder}/{slot}.pid", "w") as told:
        told.write(str(os.getpid()))
    while True:
        for other in range(count):
            fd = os.open(f"{folder}/{other}.lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(fd)
                continue
            # Whoever held it is dead: here it is again.
            if os.fork() == 0:
                os.close(lock)
                live(other, fd)
            os.close(fd)

os.environ.clear()
if os.fork() == 0:
    lock = os.open(f"{folder}/0.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    live(0, lock)
print("ready", flush=True)
time.sleep(1000)
"""
"""A dozen processes of which each starts every other one again as soon as it is dead."""


def find_pid(rig: Rig, process_id: str) -> int:
    return int(eventually(lambda: rig.read(process_id, "out")))


def start_respawners(rig: Rig, client: Client, folder: Path) -> list[int]:
    folder.mkdir()
    spawn_python(client, "p", RESPAWNING, str(folder))
    files = [folder / f"{slot}.pid" for slot in range(12)]
    eventually(lambda: all(path.exists() and path.read_text() for path in files))
    return [int(path.read_text()) for path in files]


def list_alive(folder: Path) -> list[int]:
    """Who lives of those that ever said so, by the locks that only the living hold."""
    import fcntl

    alive = []
    for path in folder.glob("*.lock"):
        with path.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                alive.append(int(path.stem))
    return alive


def test_the_nameless_are_found_while_others_run(rig: Rig, client: Client) -> None:
    """Nothing but the mark tells whose it is: it has no environment, no parent but the runner, and is not alone."""
    spawn(client, "other", "sleep", "1000")
    spawn_python(client, "p", NAMELESS)
    child = find_pid(rig, "p")
    client.call("stop", process_id="p", grace_ms=0)
    client.event("swept", process_id="p")
    assert not is_alive(child)
    states = {process["process_id"]: process["state"] for process in client.hello()["processes"]}
    assert states == {"other": "running", "p": "exited"}


def test_the_nameless_of_another_process_are_spared(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", NAMELESS)
    child = find_pid(rig, "p")
    spawn(client, "other", "sleep", "1000")
    client.call("stop", process_id="other", grace_ms=0)
    client.event("swept", process_id="other")
    assert is_alive(child)


@pytest.mark.parametrize("ending", ["stop", "shutdown"])
def test_what_starts_itself_again_ends(rig: Rig, client: Client, ending: str) -> None:
    spawn(client, "other", "sleep", "1000")
    folder = rig.folder / "locks"
    start_respawners(rig, client, folder)
    if ending == "stop":
        client.call("stop", process_id="p", grace_ms=0)
        assert client.event("swept", process_id="p")["left"] == []
    else:
        client.call("shutdown", grace_ms=0)
        rig.wait_ended()
    assert list_alive(folder) == []


def test_what_is_left_when_the_runner_dies_is_found_without_its_name(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", NAMELESS)
    child = find_pid(rig, "p")
    os.kill(rig.pid, signal.SIGKILL)
    rig.wait_ended()
    assert is_alive(child)
    assert sweep_survivors(rig.story()) >= 1
    eventually(lambda: not is_alive(child))


def test_what_starts_itself_again_ends_also_when_the_runner_died(rig: Rig, client: Client) -> None:
    folder = rig.folder / "locks"
    start_respawners(rig, client, folder)
    os.kill(rig.pid, signal.SIGKILL)
    rig.wait_ended()
    sweep_survivors(rig.story())
    eventually(lambda: list_alive(folder) == [])


def test_a_mark_is_kept_through_everything_and_shed_by_a_runner(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", NAMELESS)
    assert read_mark(find_pid(rig, "p")) is not None
    spawn(client, "shell", "sh", "-c", "echo $$; exec sleep 1000", pty=TERMINAL)
    shell = int(eventually(lambda: rig.read("shell", "pty")))
    assert read_mark(shell) not in (None, read_mark(find_pid(rig, "p")))
    assert read_mark(rig.pid) is None


def test_a_runner_that_is_started_inside_a_lane_is_not_part_of_it(rig: Rig) -> None:
    soft, hard = resource.getrlimit(RLIMIT_LOCKS)
    resource.setrlimit(RLIMIT_LOCKS, (1 << 62 | 12345, hard))
    try:
        rig.connect()
        assert read_mark(rig.pid) is None
    finally:
        resource.setrlimit(RLIMIT_LOCKS, (soft, hard))


def test_a_mark_that_means_nothing_is_none() -> None:
    assert read_mark(os.getpid()) is None
    assert read_mark(2**22 + 1) is None
    assert sys.platform != "linux" or resource.getrlimit(RLIMIT_LOCKS)
