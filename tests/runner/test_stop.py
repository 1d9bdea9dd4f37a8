"""Ending processes that fight back: nothing that carries the marker, or descends from it, is left."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from runner.rig import TERMINAL, Client, Rig, eventually, find_marked, is_alive, spawn, spawn_python

IGNORE = "import signal\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\n"

STUBBORN = IGNORE + "import time\nprint('ready', flush=True)\nwhile True: time.sleep(1)"

DETACHED = """
import os, sys, time
for level in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for s in (1, 2, 15):
                __import__("signal").signal(s, 1)
            print(os.getpid(), flush=True)
            time.sleep(1000)
        os._exit(0)
time.sleep(1000)
"""

UNMARKED = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        program = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
        os.execve(sys.executable, [sys.executable, "-S", "-c", program], {})
    os._exit(0)
time.sleep(1000)
"""

CHAIN = """
import os, sys, time
print("ready", flush=True)
os.setsid() if os.fork() == 0 else time.sleep(1000)
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
"""


def stop(rig: Rig, client: Client, grace_ms: int) -> dict[str, object]:
    client.call("stop", process_id="p", grace_ms=grace_ms)
    exited = client.event("exited", process_id="p")
    client.event("swept", process_id="p")
    assert find_marked(rig.home, "p") == []
    return exited


def wait_for_lines(rig: Rig, count: int) -> list[bytes]:
    return eventually(lambda: lines if len(lines := rig.read("p", "out").splitlines()) >= count else None)


def test_a_closed_stdin_is_enough_for_the_polite(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "cat; exit 7")
    assert stop(rig, client, 60_000)["exit_code"] == 7


def test_term_comes_when_a_closed_stdin_was_not_enough(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "trap 'exit 8' TERM; echo ready; while :; do sleep 0.05; done")
    wait_for_lines(rig, 1)
    assert stop(rig, client, 100)["exit_code"] == 8


def test_kill_comes_at_last(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", STUBBORN)
    wait_for_lines(rig, 1)
    assert stop(rig, client, 50)["signal"] == signal.SIGKILL


def test_a_stopped_job_is_ended_too(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "echo ready; kill -STOP $$; sleep 100")
    wait_for_lines(rig, 1)
    assert stop(rig, client, 50)["signal"] == signal.SIGTERM


def test_a_shell_on_a_terminal_hangs_up(rig: Rig, client: Client) -> None:
    """Interactive shells ignore TERM."""
    spawn(client, "p", "bash", "--norc", "-i", pty=TERMINAL)
    eventually(lambda: b"$" in rig.read("p", "pty") or b"#" in rig.read("p", "pty"))
    assert stop(rig, client, 60_000)["signal"] == signal.SIGHUP


@pytest.mark.parametrize(
    "program", [DETACHED, UNMARKED], ids=["double forks with own sessions", "orphans without the marker"]
)
def test_what_detached_itself_is_found(rig: Rig, client: Client, program: str) -> None:
    spawn_python(client, "p", program)
    pids = [int(line) for line in wait_for_lines(rig, 3 if program is DETACHED else 1)]
    assert all(is_alive(pid) for pid in pids)
    stop(rig, client, 50)
    eventually(lambda: not any(is_alive(pid) for pid in pids))


def test_what_forks_without_end_is_chased(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", CHAIN)
    wait_for_lines(rig, 1)
    stop(rig, client, 0)


def test_a_sweep_spares_the_other_processes(rig: Rig, client: Client) -> None:
    spawn(client, "other", "sh", "-c", "setsid sleep 1000 & echo $!; exec sleep 1000")
    child = int(eventually(lambda: rig.read("other", "out")))
    spawn_python(client, "p", DETACHED)
    wait_for_lines(rig, 3)
    stop(rig, client, 0)
    assert is_alive(child)
    states = {process["process_id"]: process["state"] for process in client.hello()["processes"]}
    assert states == {"other": "running", "p": "exited"}


def test_what_an_agent_leaves_behind_goes_with_it(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "setsid sleep 1000 & sleep 1000 & echo done", sweep_on_exit=True)
    assert client.event("exited", process_id="p")["exit_code"] == 0
    assert client.event("swept", process_id="p")["killed"] == 2
    assert find_marked(rig.home, "p") == []


def test_what_a_shell_leaves_behind_stays_until_it_is_stopped(rig: Rig, client: Client) -> None:
    spawn(client, "p", "bash", "-c", "trap '' HUP; sleep 1000 >/dev/null 2>&1 </dev/null & echo $!", pty=TERMINAL)
    client.event("exited", process_id="p")
    child = int(rig.read("p", "pty"))
    assert is_alive(child)
    client.call("stop", process_id="p", grace_ms=0)
    client.event("swept", process_id="p")
    assert not is_alive(child)


def test_stopping_twice_hastens(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", STUBBORN)
    wait_for_lines(rig, 1)
    client.call("stop", process_id="p", grace_ms=600_000)
    assert stop(rig, client, 0)["signal"] == signal.SIGKILL
    client.call("stop", process_id="p", grace_ms=0)


def test_an_older_process_with_the_marker_is_not_ours(rig: Rig, client: Client) -> None:
    """A marker counts only for what started after the process that it names."""
    env = {"AGENTLANES_PROCESS": "p", "AGENTLANES_STATE": str(rig.home)}
    stranger = os.spawnve(os.P_NOWAIT, "/bin/sleep", ["sleep", "1000"], env)
    try:
        eventually(lambda: find_marked(rig.home, "p") == [stranger])
        # Start times count in hundredths of a second.
        spawn(client, "wait", "sleep", "0.05")
        client.event("exited", process_id="wait")
        spawn(client, "p", "sleep", "1000")
        client.call("stop", process_id="p", grace_ms=0)
        client.event("swept", process_id="p")
        assert is_alive(stranger)
    finally:
        os.kill(stranger, signal.SIGKILL)
        os.waitpid(stranger, 0)


def test_shutdown_stops_everything_and_ends_the_runner(rig: Rig, client: Client) -> None:
    spawn_python(client, "p", STUBBORN)
    spawn_python(client, "q", DETACHED)
    spawn(client, "r", sys.executable, "-S", "-c", STUBBORN, pty=TERMINAL)
    wait_for_lines(rig, 1)
    eventually(lambda: rig.read("r", "pty") and len(rig.read("q", "out").splitlines()) == 3)
    client.call("shutdown", grace_ms=50)
    for process_id in ("p", "q", "r"):
        client.event("exited", process_id=process_id)
    rig.wait_ended()
    assert find_marked(rig.home) == []
    assert {process["state"] for process in rig.story().processes.values()} == {"exited"}
    assert not rig.socket.exists()


def test_term_means_shutdown(rig: Rig, client: Client) -> None:
    spawn(client, "p", "cat")
    os.kill(rig.pid, signal.SIGTERM)
    client.event("exited", process_id="p")
    rig.wait_ended()


def test_other_signals_mean_nothing(rig: Rig, client: Client) -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        os.kill(rig.pid, number)
    assert client.hello()["pid"] == rig.pid


def test_what_a_shell_left_behind_is_not_taken_for_an_agent_s(rig: Rig, client: Client) -> None:
    """Orphans whose origin nothing tells are killed with the last process, unless somebody else may have left them."""
    spawn(client, "shell", "bash", "-c", "trap '' HUP; sleep 1000 >/dev/null </dev/null & echo $!", pty=TERMINAL)
    client.event("exited", process_id="shell")
    child = int(rig.read("shell", "pty"))
    spawn(client, "p", "true", sweep_on_exit=True)
    client.event("swept", process_id="p")
    assert is_alive(child)
    client.call("shutdown", grace_ms=0)
    rig.wait_ended()
    assert not is_alive(child)


def test_what_starts_during_a_sweep_is_spared(rig: Rig, client: Client) -> None:
    for number in range(10):
        spawn(client, f"p{number}", "true", sweep_on_exit=True)
        client.event("exited", process_id=f"p{number}")
        spawn(client, f"q{number}", "sh", "-c", "echo ready; read x", sweep_on_exit=True)
        client.event("swept", process_id=f"p{number}")
        eventually(lambda number=number: rig.read(f"q{number}", "out"))  # type: ignore[misc]
        client.call("close_stdin", process_id=f"q{number}")
        assert client.event("exited", process_id=f"q{number}")["exit_code"] == 1
