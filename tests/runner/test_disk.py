"""Disks that are full, tapes that are full: the runner stops reading, says so, and loses nothing.

The disk is made full by the kernel: the running runner's RLIMIT_FSIZE is lowered, under which a write is cut and the
next one fails with EFBIG.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.rig import TERMINAL, Client, Refused, Rig, eventually, spawn, spawn_python

pytestmark = pytest.mark.faults

PIPE_BYTES = 64 << 10

COUNT = """
import sys
for number in range(int(sys.argv[1])):
    sys.stdout.write("%07d\\n" % number)
"""


def numbers(count: int, end: bytes = b"\n") -> bytes:
    return b"".join(b"%07d%s" % (number, end) for number in range(count))


@contextmanager
def limited_files(pid: int, size: int) -> Iterator[None]:
    """No file of this process, nor of a child that it starts meanwhile, can grow beyond `size` bytes."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("stream", "pty"), [("out", None), ("pty", TERMINAL)])
def test_a_full_disk_stalls_the_stream_and_loses_nothing(
    rig: Rig, client: Client, stream: str, pty: dict[str, int] | None
) -> None:
    with limited_files(rig.pid, 100_000):
        spawn_python(client, "p", COUNT, "200000", pty=pty)
        stalled = client.event("stalled", process_id="p")
        assert (stalled["stream"], stalled["reason"]) == (stream, "disk_full")
        report = client.hello()["processes"][0]
        assert report["state"] == "running"
        assert report["streams"][stream]["stalled"] == "disk_full"
        assert report["streams"][stream]["end"] == 100_000
    client.event("resumed", process_id="p")
    exited = client.event("exited", process_id="p")
    assert exited["exit_code"] == 0
    whole = numbers(200_000, b"\r\n" if pty else b"\n")
    assert exited["ends"][stream] == len(whole)
    assert rig.read("p", stream) == whole


def test_a_process_that_ends_on_a_full_disk_keeps_its_last_words(rig: Rig, client: Client) -> None:
    with limited_files(rig.pid, 10_000):
        spawn_python(client, "p", COUNT, "5000")
        client.event("stalled", process_id="p")
        exited = client.event("exited", process_id="p")
        assert exited["ends"]["out"] == 10_000
        assert rig.is_running()
    client.event("resumed", process_id="p")
    eventually(lambda: rig.read("p", "out") == numbers(5000))
    rig.wait_ended()


def test_other_processes_go_on_while_one_is_stalled(rig: Rig, client: Client) -> None:
    with limited_files(rig.pid, 50_000):
        spawn_python(client, "p", COUNT, "200000")
        client.event("stalled", process_id="p")
        spawn(client, "q", "sh", "-c", "echo still here")
        client.event("exited", process_id="q", exit_code=0)
        assert rig.read("q", "out") == b"still here\n"


def test_what_the_journal_could_not_tell_it_tells_later(rig: Rig, client: Client) -> None:
    spawn(client, "stays", "cat")
    spawn(client, "p", "cat")
    size = rig.journal.stat().st_size
    with limited_files(rig.pid, size + 20):
        client.call("close_stdin", process_id="p")
        client.event("exited", process_id="p")
        assert rig.story().processes["p"]["state"] == "running"
        with pytest.raises(Refused) as refused:
            spawn(client, "q", "true")
        assert (refused.value.code, refused.value.details["errno"]) == ("SPAWN_FAILED", "ENOSPC")
    eventually(lambda: rig.story().processes["p"]["state"] == "exited")
    assert spawn(client, "q", "true")["pid"]


def test_shutdown_does_not_wait_for_a_disk_for_ever(rig: Rig, client: Client) -> None:
    with limited_files(rig.pid, 100_000):
        spawn_python(client, "p", COUNT, "200000")
        client.event("stalled", process_id="p")
        client.call("shutdown", grace_ms=0)
        client.event("exited", process_id="p")
        rig.wait_ended()
    assert rig.read("p", "out") == numbers(12_500)


class TestFullTape:
    LIMITS: dict[str, object] = {"out": {"cap_bytes": 100_000, "segment_bytes": 20_000, "lossless": True}}  # noqa: RUF012

    def test_it_stalls_until_the_reader_releases(self, rig: Rig, client: Client) -> None:
        whole = numbers(100_000)
        spawn_python(client, "p", COUNT, "100000", tapes=self.LIMITS)
        seen = b""
        with rig.reader("p", "out") as reader:
            while len(seen) < len(whole):
                eventually(lambda: reader.span()[1] > len(seen))  # noqa: B023  called within this turn
                chunk = reader.read(len(seen), 30_000)
                assert chunk.skipped == 0
                seen += chunk.data
                start, end = reader.span()
                # What is left in the pipe when the process has ended is taken beside the cap.
                assert end - len(seen) <= 100_000 + PIPE_BYTES
                if len(seen) % 7 == 0 or end - start >= 100_000:
                    client.call("release", process_id="p", stream="out", offset=len(seen))
        assert seen == whole
        client.event("stalled", process_id="p", reason="tape_full")
        client.event("resumed", process_id="p")
        client.event("exited", process_id="p", exit_code=0)
        assert len(list((rig.home / "p" / "out").glob("*.seg"))) < 10

    def test_what_an_ended_process_left_in_the_pipe_is_taken_all_the_same(self, rig: Rig, client: Client) -> None:
        spawn_python(client, "p", COUNT, "100000", tapes=self.LIMITS)
        client.event("stalled", process_id="p", reason="tape_full")
        client.call("stop", process_id="p", grace_ms=0)
        exited = client.event("exited", process_id="p")
        taken = rig.read("p", "out")
        assert len(taken) == exited["ends"]["out"] > 100_000
        assert numbers(100_000).startswith(taken)
        rig.wait_ended()


def test_a_terminal_tape_drops_its_oldest_segments(rig: Rig, client: Client) -> None:
    limits = {"pty": {"cap_bytes": 80_000, "segment_bytes": 20_000, "lossless": False}}
    spawn_python(client, "p", COUNT, "100000", tapes=limits, pty=TERMINAL)
    end = client.event("exited", process_id="p")["ends"]["pty"]
    whole = numbers(100_000, b"\r\n")
    assert end == len(whole)
    with rig.reader("p", "pty") as reader:
        start, _ = reader.span()
        assert 60_000 <= end - start <= 80_000
        chunk = reader.read(5, 100)
        assert (chunk.offset, chunk.skipped, chunk.data) == (start, start - 5, whole[start : start + 100])


def test_stderr_is_a_ring_that_nobody_need_read(rig: Rig, client: Client) -> None:
    program = "import os\nfor n in range(300): os.write(2, b'%03d' % n + bytes(1021))\nprint('done')"
    spawn_python(client, "p", program)
    exited = client.event("exited", process_id="p", exit_code=0)
    assert exited["ends"]["err"] == 300 << 10
    assert rig.read("p", "out") == b"done\n"
    files: list[Path] = list((rig.home / "p" / "err").glob("*.seg"))
    assert sum(file.stat().st_size for file in files) <= 256 << 10
    with rig.reader("p", "err") as reader:
        start, end = reader.span()
        last = reader.read(end - 1024, 3)
    assert last.data == b"299"
    assert end - start >= 192 << 10
