"""The runner itself: who may start it, who may speak to it, when it ends, and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentlanes.runner.journal import read_journal
from agentlanes.runner.wire import MAX_LINE
from runner.rig import (
    TERMINAL,
    Client,
    Refused,
    Rig,
    eventually,
    find_marked,
    is_alive,
    make_folder,
    spawn,
    write,
)


def test_it_imports_nothing_that_it_should_not() -> None:
    """Only the standard library, ptyprocess and itself; none of the modules that would cost it memory."""
    program = "import sys, agentlanes.runner.__main__; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    modules = set(run.stdout.split())
    ours = {name for name in modules if name.startswith("agentlanes")}
    assert {name for name in ours if not name.startswith("agentlanes.runner")} == {"agentlanes"}
    tops = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"__main__", "__mp_main__"}
    assert {name for name in tops if not name.startswith("_")} == {"agentlanes", "ptyprocess"}
    assert not modules & {"asyncio", "dataclasses", "typing", "pathlib", "subprocess", "argparse", "inspect"}


def test_it_is_a_daemon_of_its_own(rig: Rig, client: Client) -> None:
    assert os.getsid(rig.pid) != os.getsid(0)
    assert Path(f"/proc/{rig.pid}/cwd").readlink() == Path("/")
    fds = [Path(f"/proc/{rig.pid}/fd/{fd}").readlink() for fd in (0, 1, 2)]
    assert fds == [Path("/dev/null"), Path("/dev/null"), rig.log]
    assert stat.S_IMODE(rig.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(rig.journal.stat().st_mode) == 0o600
    assert stat.S_IMODE(rig.home.stat().st_mode) == 0o700


def test_starting_it_twice_gives_one_runner(rig: Rig, client: Client) -> None:
    assert rig.start().returncode == 0
    assert client.hello()["pid"] == rig.pid


def test_starting_it_from_many_sides_gives_one_runner(rig: Rig) -> None:
    with ThreadPoolExecutor(6) as pool:
        started = list(pool.map(lambda _: rig.start(linger_ms=5000), range(6)))
    assert [each.returncode for each in started] == [0] * 6
    assert rig.connect().call("hello", versions=[1])["pid"] == rig.pid
    story = [line for line in rig.journal.read_text().splitlines() if '"k":"start"' in line]
    assert len(story) == 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"--socket": "/tmp/" + "x" * 100}, "longer than 100 bytes"),
        ({"--socket": "relative"}, "absolute"),
        ({"--lane": ""}, "missing --lane"),
        ({"--linger-ms": "soon"}, "whole number"),
        ({"--what": "x"}, "--what"),
        ({"--home": "/proc/1/nowhere"}, "cannot start"),
        ({"--journal": "/no/such/folder/j"}, "cannot start"),
    ],
)
def test_a_bad_start_says_why(change: dict[str, str], text: str) -> None:
    with make_folder() as folder:
        options = {
            "--lane": "lane_x",
            "--socket": str(folder / "s"),
            "--home": str(folder / "t"),
            "--journal": str(folder / "j"),
        } | change
        argv = [word for pair in options.items() for word in pair]
        run = subprocess.run(
            [sys.executable, "-P", "-m", "agentlanes.runner", *argv], capture_output=True, text=True, cwd="/"
        )
        assert run.returncode in (1, 2)
        assert text in run.stderr
        assert "Traceback" not in run.stderr


def test_a_stale_socket_is_replaced(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(rig.socket))
    assert rig.socket.exists()
    assert rig.connect().hello()["processes"] == []


def test_it_ends_after_its_last_process(rig: Rig, client: Client) -> None:
    spawn(client, "p", "true")
    spawn(client, "q", "true", pty=TERMINAL)
    rig.wait_ended()
    assert not rig.socket.exists()
    assert not rig.log.exists()
    assert {process["state"] for process in rig.story().processes.values()} == {"exited"}
    assert rig.story().ended


def test_a_journal_that_tells_nothing_new_goes_too(rig: Rig, client: Client) -> None:
    spawn(client, "p", "true")
    client.event("exited", process_id="p")
    client.call("forget", process_id="p")
    client.call("forget", process_id="p")
    assert client.hello()["processes"] == []
    rig.wait_ended()
    assert list(rig.folder.glob("[sj]*")) == []


def test_a_running_process_is_not_forgotten(client: Client) -> None:
    spawn(client, "p", "cat")
    with pytest.raises(Refused) as refused:
        client.call("forget", process_id="p")
    assert refused.value.code == "BAD_REQUEST"


def test_an_exit_while_no_server_is_there_is_told_later(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "read x; echo heard $x; exit 9")
    spawn(client, "stays", "cat")
    write(client, "p", b"you\n", n=1)
    client.close()
    eventually(lambda: rig.story().processes["p"]["state"] == "exited")
    report = rig.connect().hello()["processes"][0]
    assert (report["state"], report["exit_code"], report["last_n"]) == ("exited", 9, 1)
    assert report["streams"]["out"] == {"start": 0, "end": 10, "open": False, "stalled": None}
    assert rig.read("p", "out") == b"heard you\n"


def test_the_next_runner_tells_what_the_last_one_knew(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "kill -9 $$")
    client.event("exited", process_id="p")
    rig.wait_ended()
    successor = rig.connect()
    (report,) = successor.hello()["processes"]
    assert (report["process_id"], report["state"], report["signal"]) == ("p", "exited", 9)
    assert spawn(successor, "p", "echo", "again")["state"] == "exited"
    with pytest.raises(Refused) as refused:
        write(successor, "p", b"x", n=1)
    assert refused.value.code == "PROCESS_ENDED"
    successor.call("forget", process_id="p")
    assert successor.hello()["processes"] == []


@pytest.mark.faults
def test_a_killed_runner_leaves_a_journal_that_tells_who_is_lost(rig: Rig, client: Client) -> None:
    spawn(client, "done", "true")
    client.event("exited", process_id="done")
    report = spawn(client, "p", "sleep", "1000")
    os.kill(rig.pid, signal.SIGKILL)
    rig.wait_ended()
    story = rig.story()
    assert not story.ended
    assert story.processes["done"]["state"] == "exited"
    assert (story.processes["p"]["state"], story.processes["p"]["pid"]) == ("lost", report["pid"])
    successor = rig.connect()
    assert spawn(successor, "p", "echo", "again")["state"] == "lost"
    # The successor adopts nothing; sweeping is the server's, which has the journal.
    assert is_alive(report["pid"])


def test_a_torn_journal_is_read_and_continued(rig: Rig, client: Client) -> None:
    spawn(client, "p", "true")
    client.event("exited", process_id="p")
    rig.wait_ended()
    with rig.journal.open("ab") as journal:
        journal.write(b'{"k":"exited","process_id":"p","exit_co')
    successor = rig.connect()
    spawn(successor, "q", "true")
    successor.event("exited", process_id="q")
    assert {name: process["state"] for name, process in rig.story().processes.items()} == {"p": "exited", "q": "exited"}


def test_a_newer_server_replaces_the_older(rig: Rig, client: Client) -> None:
    spawn(client, "p", "cat")
    newer = rig.connect()
    assert client.event("replaced") == {"ev": "replaced"}
    assert client.receive() is None
    write(newer, "p", b"x", n=1)
    newer.event("grew", process_id="p", end=1)


def test_who_has_not_said_hello_replaces_nobody(rig: Rig, client: Client) -> None:
    stranger = Client(rig.socket)
    rig.clients.append(stranger)
    with pytest.raises(Refused) as refused:
        stranger.call("shutdown", grace_ms=0)
    assert refused.value.code == "BAD_REQUEST"
    assert client.hello()["pid"] == rig.pid


@pytest.mark.parametrize("versions", [[2, 3], [], None, "1"])
def test_an_unknown_version_is_refused_and_hurts_nobody(rig: Rig, client: Client, versions: object) -> None:
    spawn(client, "p", "sleep", "1000")
    stranger = Client(rig.socket)
    rig.clients.append(stranger)
    with pytest.raises(Refused) as refused:
        stranger.call("hello", versions=versions)
    assert (refused.value.code, refused.value.details["supported"]) == ("RUNNER_VERSION_UNSUPPORTED", [1])
    assert client.hello()["processes"][0]["state"] == "running"


def test_another_lane_s_server_is_refused(rig: Rig, client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.call("hello", versions=[1], lane_id="lane_other")
    assert refused.value.code == "RUNNER_LANE_MISMATCH"


@pytest.mark.parametrize("line", [b"nonsense", b"[]", b"{", b'"x"', b"[" * 200_000, b'{"id":1,"op":[]}', b"\xff\xfe"])
def test_nonsense_is_answered(client: Client, line: bytes) -> None:
    client.socket.sendall(line + b"\n")
    answer = client.receive()
    assert answer is not None
    assert answer["error"]["code"] == "BAD_REQUEST"
    assert client.hello()["processes"] == []


def test_a_line_without_end_ends_the_connection(rig: Rig, client: Client) -> None:
    piece = bytes(1 << 20)
    try:
        for _ in range((MAX_LINE >> 20) + 2):
            client.socket.sendall(piece)
    except OSError:
        pass
    assert rig.connect().hello()["processes"] == []


def test_a_server_that_does_not_read_delays_nobody(rig: Rig, client: Client) -> None:
    """Thousands of events and answers that nobody takes; the terminal goes on, and the next server sees its end."""
    program = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    spawn(client, "p", "sh", "-c", program, pty=TERMINAL)
    for number in range(3000):
        client.send({"id": number, "op": "hello", "versions": [1]})
    eventually(lambda: rig.story().processes["p"]["state"] == "exited")
    assert rig.read("p", "pty").endswith(b"line 2999\r\n")


def test_growth_is_told_coalesced_and_complete(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    end = client.event("exited", process_id="p")["ends"]["out"]
    grown = [event["end"] for event in client.events if event["ev"] == "grew"]
    assert grown == sorted(set(grown))
    assert grown[-1] == end == len(rig.read("p", "out"))


def test_orphans_are_reaped(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "(sleep 0.05 & ) ; (sleep 0.05 &); sleep 0.2; read x")
    eventually(lambda: len(find_marked(rig.home, "p")) == 2)
    children = Path(f"/proc/{rig.pid}/task/{rig.pid}/children")
    eventually(lambda: len(children.read_text().split()) == 1)


def test_the_journal_of_nobody_is_empty(rig: Rig) -> None:
    story = read_journal(str(rig.journal), alive=False)
    assert (story.processes, story.ended, story.lane_id) == ({}, True, "")


def test_what_is_forgotten_while_it_is_swept_stays_in_the_journal_until_it_is_swept(rig: Rig, client: Client) -> None:
    spawn(client, "stays", "cat")
    spawn(client, "p", "sh", "-c", "setsid sleep 1000 & setsid sleep 1000 &", sweep_on_exit=True)
    client.event("exited", process_id="p")
    client.call("forget", process_id="p")
    client.call("forget", process_id="p")
    assert [process["process_id"] for process in client.hello()["processes"]] == ["stays"]
    client.event("swept", process_id="p")
    kinds = [json.loads(line)["k"] for line in rig.journal.read_text().splitlines() if '"p"' in line]
    assert kinds == ["spawning", "spawned", "exited", "swept", "forgotten"]
    assert list(rig.story().processes) == ["stays"]


def test_descriptors_that_the_starter_leaked_are_let_go(rig: Rig) -> None:
    reading, writing = os.pipe()
    try:
        started = rig.start(pass_fds=(writing,))
        os.close(writing)
        assert started.returncode == 0
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)
    rig.connect()
