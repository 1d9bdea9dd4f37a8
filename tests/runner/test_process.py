"""Processes: how they start, what they are given, what they print, what is written to them, how they end."""

from __future__ import annotations

import base64
import os
import signal
from pathlib import Path

import pytest

from agentlanes.runner.inbox import INPUT_LIMIT
from runner.rig import (
    ENV,
    TERMINAL,
    Client,
    Refused,
    Rig,
    count_fds,
    eventually,
    find_marked,
    is_alive,
    spawn,
    spawn_python,
    write,
)


def test_a_process_on_pipes_reports_output_and_exit(rig: Rig, client: Client) -> None:
    report = spawn(client, "p", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert report["state"] == "running"
    exited = client.event("exited", process_id="p")
    assert (exited["exit_code"], exited["signal"]) == (3, None)
    assert exited["ends"] == {"out": 4, "err": 4}
    assert (rig.read("p", "out"), rig.read("p", "err")) == (b"out\n", b"err\n")


def test_a_terminal_has_size_color_name_and_control(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "stty size; tty -s && echo tty; ps -o tpgid= -p $$ | tr -d ' '", pty=TERMINAL)
    client.event("exited", process_id="p")
    size, tty, group = (
        rig.read("p", "pty").split()[:2],
        rig.read("p", "pty").split()[2],
        rig.read("p", "pty").split()[3],
    )
    assert size == [b"24", b"80"]
    assert tty == b"tty"
    assert int(group) > 0


def test_every_byte_value_goes_through_as_it_is(rig: Rig, client: Client) -> None:
    everything = bytes(range(256)) * 64 + b"\xff\xfe\xc3\x28\xed\xa0\x80"
    spawn(client, "p", "cat")
    write(client, "p", everything)
    client.call("close_stdin", process_id="p")
    client.event("exited", process_id="p")
    assert rig.read("p", "out") == everything


def test_raw_terminal_bytes_go_through_as_they_are(rig: Rig, client: Client) -> None:
    everything = bytes(range(256)) * 16
    spawn(client, "p", "sh", "-c", "stty raw -echo; echo ready; exec head -c 4096", pty=TERMINAL)
    eventually(lambda: b"ready" in rig.read("p", "pty"))
    write(client, "p", everything)
    client.event("exited", process_id="p")
    assert rig.read("p", "pty").partition(b"ready")[2].lstrip(b"\r\n").endswith(everything.lstrip(b"\r\n"))


def test_spawning_twice_answers_with_the_report_and_starts_nothing(rig: Rig, client: Client) -> None:
    first = spawn(client, "p", "sh", "-c", "echo once; exec sleep 100")
    second = spawn(client, "p", "sh", "-c", "echo twice")
    assert second["pid"] == first["pid"]
    eventually(lambda: rig.read("p", "out"))
    client.call("stop", process_id="p", grace_ms=0)
    client.event("exited", process_id="p")
    third = spawn(client, "p", "sh", "-c", "echo thrice")
    assert (third["state"], third["signal"]) == ("exited", signal.SIGTERM)
    assert rig.read("p", "out") == b"once\n"


@pytest.mark.parametrize("pty", [None, TERMINAL], ids=["pipes", "terminal"])
class TestSpawnFails:
    @pytest.mark.parametrize(
        ("argv", "cwd", "errno"),
        [
            (["no-such-program"], "/", "ENOENT"),
            (["./no-such-program"], "/", "ENOENT"),
            (["/etc/passwd"], "/", "EACCES"),
            (["/"], "/", "EACCES"),
            (["true"], "/no/such/folder", "ENOENT"),
            (["true"], "/etc/passwd", "ENOTDIR"),
        ],
    )
    def test_with_the_name_of_the_error(
        self, client: Client, pty: object, argv: list[str], cwd: str, errno: str
    ) -> None:
        with pytest.raises(Refused) as refused:
            spawn(client, "p", *argv, cwd=cwd, pty=pty)
        assert (refused.value.code, refused.value.details["errno"]) == ("SPAWN_FAILED", errno)
        assert spawn(client, "p", "true", pty=pty)["state"] == "running"

    def test_when_the_file_cannot_be_executed_after_all(self, rig: Rig, client: Client, pty: object) -> None:
        program = rig.folder / "program"
        program.write_bytes(b"\x7fELF nonsense")
        program.chmod(0o755)
        fds = count_fds(rig.pid)
        for _ in range(3):
            with pytest.raises(Refused) as refused:
                spawn(client, "p", str(program), pty=pty)
            assert (refused.value.code, refused.value.details["errno"]) == ("SPAWN_FAILED", "ENOEXEC")
        assert count_fds(rig.pid) == fds
        assert rig.story().processes == {}

    def test_when_memory_limit_forbids_it(self, client: Client, pty: object) -> None:
        """The child fails just before it executes; there must be one runner afterwards, not two."""
        with pytest.raises(Refused) as refused:
            spawn(client, "p", "true", pty=pty, limits={"cpu_seconds": (1 << 31)}, cwd="/proc/1/fdinfo/0")
        assert refused.value.code == "SPAWN_FAILED"
        assert client.hello()["processes"] == []


def test_program_is_found_by_its_own_path_and_cwd(rig: Rig, client: Client) -> None:
    folder = rig.folder / "bin"
    folder.mkdir()
    program = folder / "hello"
    program.write_text("#!/bin/sh\necho hello from $PWD\n")
    program.chmod(0o755)
    spawn(client, "by-path", "hello", env={"PATH": f"/nowhere:{folder}"})
    spawn(client, "by-cwd", "./hello", cwd=str(folder), env={"PATH": ""})
    for process_id in ("by-path", "by-cwd"):
        client.event("exited", process_id=process_id, exit_code=0)
    assert rig.read("by-cwd", "out") == f"hello from {folder}\n".encode()


CHILD_STATE = """
import os, signal, sys
ignored = [s.name for s in signal.Signals if s not in (9, 19) and signal.getsignal(s) is signal.SIG_IGN]
with open("/proc/self/status") as status:
    lines = [line.split() for line in status]
masks = {line[0]: int(line[1], 16) for line in lines if line[0] in ("SigBlk:", "SigIgn:")}
print(masks["SigBlk:"], masks["SigIgn:"] & ~(1 << 12 | 1 << 24 | 3 << 31), oct(os.umask(0)))
print(sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:4])
print(os.getsid(0) == os.getpid(), os.getcwd())
print(sorted(os.environ))
"""


@pytest.mark.parametrize("pty", [None, TERMINAL], ids=["pipes", "terminal"])
def test_a_child_inherits_nothing_of_the_runner(rig: Rig, client: Client, pty: object) -> None:
    spawn_python(client, "p", CHILD_STATE, pty=pty, env={"A": "1", "PATH": ENV["PATH"]}, cwd="/usr")
    client.event("exited", process_id="p", exit_code=0)
    lines = rig.read("p", "pty" if pty else "out").decode().split("\n")
    mask = os.umask(0)
    os.umask(mask)
    # The program leaves out what Python itself ignores, SIGPIPE (13) and SIGXFSZ (25), and what only the C library
    # can set and so pass on from whoever runs the tests, 32 and 33.
    assert lines[0].strip() == f"0 0 {oct(mask)}"
    # 3 is the listing's own descriptor.
    assert lines[1].strip() == "[0, 1, 2, 3]"
    assert lines[2].strip() == "True /usr"
    assert "AGENTLANES_LANE" in lines[3]
    assert "AGENTLANES_PROCESS" in lines[3]
    assert "HOME" not in lines[3]


@pytest.mark.parametrize("pty", [None, TERMINAL], ids=["pipes", "terminal"])
def test_a_broken_pipe_ends_a_child_of_the_child(rig: Rig, client: Client, pty: object) -> None:
    spawn(client, "p", "bash", "-c", "yes | head -1 >/dev/null; echo ${PIPESTATUS[0]}", pty=pty)
    client.event("exited", process_id="p", exit_code=0)
    assert rig.read("p", "pty" if pty else "out").strip() == str(128 + signal.SIGPIPE).encode()


def test_limits_are_those_of_the_plan(rig: Rig, client: Client) -> None:
    limits = {"memory_bytes": 512 << 20, "cpu_seconds": 77}
    spawn(client, "p", "sh", "-c", "ulimit -d; ulimit -t", limits=limits)
    client.event("exited", process_id="p")
    assert rig.read("p", "out").split() == [str(512 << 10).encode(), b"77"]


def test_a_process_beyond_its_cpu_seconds_ends(client: Client) -> None:
    spawn(client, "p", "sh", "-c", "while :; do :; done", limits={"cpu_seconds": 1})
    assert client.event("exited", process_id="p")["signal"] == signal.SIGXCPU


def test_resize_reaches_the_program_and_the_index(rig: Rig, client: Client) -> None:
    program = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done"
    spawn(client, "p", "sh", "-c", program, pty=TERMINAL)
    eventually(lambda: b"ready" in rig.read("p", "pty"))
    client.call("resize", process_id="p", cols=132, rows=50)
    client.event("exited", process_id="p")
    assert b"50 132" in rig.read("p", "pty")
    with rig.reader("p", "pty") as reader:
        sizes = [(mark["cols"], mark["rows"]) for mark in reader.marks() if mark["k"] == "resize"]
    assert sizes == [(80, 24), (132, 50)]
    process = rig.story().processes["p"]
    assert (process["cols"], process["rows"]) == (132, 50)


def test_only_terminals_are_resized(client: Client) -> None:
    spawn(client, "p", "sleep", "100")
    with pytest.raises(Refused) as refused:
        client.call("resize", process_id="p", cols=80, rows=24)
    assert refused.value.code == "NOT_A_TERMINAL"


def test_a_signal_reaches_the_whole_group(rig: Rig, client: Client) -> None:
    spawn(client, "p", "sh", "-c", "trap 'echo outer; exit 5' USR1; sleep 100 & echo ready; wait")
    eventually(lambda: rig.read("p", "out"))
    # A child of the shell that has not become sleep yet would still have the shell's trap.
    eventually(lambda: "sleep\n" in [Path(f"/proc/{pid}/comm").read_text() for pid in find_marked(rig.home, "p")])
    client.call("signal", process_id="p", signal=signal.SIGUSR1)
    assert client.event("exited", process_id="p")["exit_code"] == 5
    eventually(lambda: not find_marked(rig.home, "p"))


def test_end_of_file_in_a_terminal(client: Client) -> None:
    spawn(client, "p", "cat", pty=TERMINAL)
    client.call("close_stdin", process_id="p")
    assert client.event("exited", process_id="p")["exit_code"] == 0


class TestWriting:
    def test_numbers_are_taken_once_and_in_order(self, rig: Rig, client: Client) -> None:
        spawn(client, "p", "cat")
        write(client, "p", b"one ", n=1)
        write(client, "p", b"ONE ", n=1)
        with pytest.raises(Refused) as refused:
            write(client, "p", b"three ", n=3)
        assert (refused.value.code, refused.value.details["last_n"]) == ("WRITE_OUT_OF_ORDER", 1)
        assert write(client, "p", b"two", n=2)["last_n"] == 2
        client.call("close_stdin", process_id="p")
        client.event("exited", process_id="p")
        assert rig.read("p", "out") == b"one two"
        assert write(client, "p", b"two", n=2)["last_n"] == 2

    def test_numbers_are_remembered_for_the_next_server(self, rig: Rig, client: Client) -> None:
        spawn(client, "p", "cat")
        write(client, "p", b"one ", n=1)
        client.close()
        successor = rig.connect()
        assert successor.hello()["processes"][0]["last_n"] == 1
        write(successor, "p", b"ONE ", n=1)
        write(successor, "p", b"two ", n=2)
        eventually(lambda: rig.read("p", "out") == b"one two ")

    def test_an_input_id_is_taken_once(self, rig: Rig, client: Client) -> None:
        spawn(client, "p", "cat")
        for input_id in ("a", "b", "a", "b", "c"):
            write(client, "p", input_id.encode(), input_id=input_id)
        eventually(lambda: rig.read("p", "out") == b"abc")

    def test_more_than_a_pipe_holds_waits_for_the_process(self, rig: Rig, client: Client) -> None:
        data = os.urandom(3 << 20)
        spawn(client, "p", "sh", "-c", "read x; exec cat")
        assert write(client, "p", b"go", n=1)["waiting"] == 0
        assert write(client, "p", b"\n" + data, n=2)["last_n"] == 2
        client.call("close_stdin", process_id="p")
        client.event("exited", process_id="p")
        # dash reads its line byte by byte, so that what follows is left to cat.
        assert rig.read("p", "out") == data

    def test_a_process_that_does_not_read_fills_up(self, client: Client) -> None:
        spawn(client, "p", "sleep", "100")
        piece = bytes(16 << 20)
        waiting = 0
        for n in range(1, 5):
            waiting = write(client, "p", piece, n=n)["waiting"]
        assert 0 < waiting <= INPUT_LIMIT
        with pytest.raises(Refused) as refused:
            write(client, "p", piece, n=5)
        assert refused.value.code == "INPUT_FULL"
        assert client.hello()["processes"][0]["last_n"] == 4

    def test_a_process_that_closed_its_stdin_refuses(self, rig: Rig, client: Client) -> None:
        spawn(client, "p", "sh", "-c", "exec <&-; echo closed; exec sleep 100")
        eventually(lambda: rig.read("p", "out"))
        write(client, "p", b"lost", n=1)
        with pytest.raises(Refused) as refused:
            write(client, "p", b"more", n=2)
        assert refused.value.code == "STDIN_CLOSED"

    def test_an_ended_or_unknown_process_refuses(self, client: Client) -> None:
        spawn(client, "p", "true")
        client.event("exited", process_id="p")
        for process_id, code in (("p", "PROCESS_ENDED"), ("q", "PROCESS_UNKNOWN")):
            with pytest.raises(Refused) as refused:
                write(client, process_id, b"x")
            assert refused.value.code == code


def test_a_process_may_let_go_of_its_terminal_and_take_it_again(rig: Rig, client: Client) -> None:
    program = "exec 3>&1; echo before; exec 0<&- 1>&- 2>&- 3>&-; sleep 0.3; echo after >/dev/tty; sleep 100"
    spawn(client, "p", "sh", "-c", program, pty=TERMINAL)
    eventually(lambda: rig.read("p", "pty") == b"before\r\nafter\r\n")


def test_output_of_what_is_left_behind_is_still_taken(rig: Rig, client: Client) -> None:
    gate = rig.folder / "gate"
    spawn(client, "p", "sh", "-c", f"(until [ -e {gate} ]; do sleep 0.01; done; echo late) & echo early")
    exited = client.event("exited", process_id="p")
    assert exited["ends"]["out"] == len(b"early\n")
    gate.touch()
    grew = client.event("grew", process_id="p", end=len(b"early\nlate\n"))
    assert grew["stream"] == "out"


def test_the_runner_is_small_and_leaks_no_descriptor(rig: Rig, client: Client) -> None:
    before = count_fds(rig.pid)
    for number in range(20):
        spawn(client, f"p{number}", "true", pty=TERMINAL if number % 2 else None)
    for number in range(20):
        client.event("exited", process_id=f"p{number}")
    eventually(lambda: count_fds(rig.pid) == before, "every descriptor of the ended processes is closed")
    status = Path(f"/proc/{rig.pid}/status").read_text()
    kilobytes = int(status.partition("VmRSS:")[2].split()[0])
    assert kilobytes <= 15 << 10
    assert is_alive(rig.pid)


@pytest.mark.parametrize(
    "fields",
    [
        {"argv": []},
        {"argv": ["a\0b"]},
        {"argv": "true"},
        {"cwd": "relative"},
        {"env": {"A=B": "1"}},
        {"env": {"A": 1}},
        {"env": None},
        {"pty": {"cols": 0, "rows": 24}},
        {"pty": {"cols": 80, "rows": 10_001}},
        {"process_id": "../up"},
        {"process_id": ""},
        {"tapes": {"out": {"cap_bytes": 1, "segment_bytes": 2, "lossless": True}}},
        {"limits": {"memory_bytes": -1}},
    ],
)
def test_a_malformed_plan_is_refused(client: Client, fields: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        spawn(client, "p", "true", **fields)
    assert refused.value.code == "BAD_REQUEST"


def test_numbered_writes_stay_on_a_tape_with_how_far_the_output_was(rig: Rig, client: Client) -> None:
    spawn(client, "p", "cat")
    write(client, "p", b"one\n", n=1)
    eventually(lambda: rig.read("p", "out") == b"one\n")
    write(client, "p", b"one again\n", n=1)
    write(client, "p", b"a secret\n", n=2, kept=base64.b64encode(b"something\n").decode())
    eventually(lambda: rig.read("p", "out") == b"one\na secret\n")
    client.call("close_stdin", process_id="p")
    client.event("exited", process_id="p")
    assert rig.read("p", "in") == b"one\nsomething\n"
    with rig.reader("p", "in") as tape:
        told = [(mark["n"], mark["o"], mark["out"]) for mark in tape.marks() if mark["k"] == "write"]
    assert told == [(1, 0, 0), (2, 4, 4)]


def test_what_is_typed_into_a_terminal_is_not_kept(rig: Rig, client: Client) -> None:
    spawn(client, "p", "cat", pty=TERMINAL)
    write(client, "p", b"password\n", input_id="a")
    eventually(lambda: b"password" in rig.read("p", "pty"))
    assert not (rig.folder / "tapes" / "p" / "in").exists() and rig.read("p", "in") == b""
