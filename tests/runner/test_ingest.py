"""Many terminals at once: everybody is served, somebody who types first, and nothing is lost on the way."""

from __future__ import annotations

import pytest

from runner.rig import TERMINAL, Client, Rig, eventually, spawn, spawn_python, write

FLOOD = "import os\ndata = b'x' * 60000\nwhile True: os.write(1, data)"
FINITE = """
import os, sys, time
for number in range(2000):
    os.write(1, (b"%s %07d " % (sys.argv[1].encode(), number)).ljust(1000, b"."))
"""


def finite(name: str) -> bytes:
    return b"".join((b"%s %07d " % (name.encode(), number)).ljust(1000, b".") for number in range(2000))


@pytest.mark.parametrize("pty", [TERMINAL, None], ids=["terminals", "pipes"])
def test_a_crowd_loses_nothing_while_the_budget_is_in_force(
    rig: Rig, client: Client, pty: dict[str, int] | None
) -> None:
    spawn(client, "typed", "cat", pty=TERMINAL)
    names = [f"p{number}" for number in range(8)]
    for name in names:
        spawn_python(client, name, FINITE, name, pty=pty)
    for number, name in enumerate(names):
        write(client, "typed", b"k", input_id=str(number))
        client.event("exited", process_id=name, exit_code=0)
        eventually(lambda name=name: len(rig.read(name, "pty" if pty else "out")) == 2_000_000)  # type: ignore[misc]
    for name in names:
        assert rig.read(name, "pty" if pty else "out") == finite(name)


def test_who_is_held_back_for_long_is_called_throttled_until_it_is_not(rig: Rig, client: Client) -> None:
    floods = [f"p{number}" for number in range(6)]
    for name in floods:
        spawn_python(client, name, FLOOD, pty=TERMINAL)
    for name in floods:
        client.event("throttled", process_id=name, on=True)
    assert all(process["throttled"] for process in client.hello()["processes"])
    for name in floods[1:]:
        client.call("stop", process_id=name, grace_ms=0)
    client.event("throttled", process_id=floods[0], on=False)
    end = rig.reader(floods[0], "pty").span()[1]
    eventually(lambda: rig.reader(floods[0], "pty").span()[1] > end)


def test_typing_holds_back_the_flood_beside_it_and_no_longer(rig: Rig, client: Client) -> None:
    spawn(client, "typed", "cat", pty=TERMINAL)
    spawn_python(client, "flood", FLOOD, pty=TERMINAL)
    eventually(lambda: rig.reader("flood", "pty").span()[1] > 1 << 20)
    write(client, "typed", b"k", input_id="1")
    client.event("throttled", process_id="flood", on=True)
    client.event("throttled", process_id="flood", on=False)


def test_keystrokes_come_back_in_order_under_floods(rig: Rig, client: Client) -> None:
    for number in range(10):
        spawn_python(client, f"p{number}", FLOOD, pty=TERMINAL)
    spawn(client, "typed", "sh", "-c", "stty raw -echo; echo go; exec cat", pty=TERMINAL)
    eventually(lambda: rig.read("typed", "pty") == b"go\n")
    typed = b"the quick brown fox jumps over the lazy dog"
    for number, key in enumerate(typed):
        write(client, "typed", bytes((key,)), input_id=str(number))
    eventually(lambda: rig.read("typed", "pty") == b"go\n" + typed)


def test_every_flood_gets_its_share(rig: Rig, client: Client) -> None:
    names = [f"p{number}" for number in range(12)]
    for name in names:
        spawn_python(client, name, FLOOD, pty=TERMINAL)
    for name in names:
        client.event("throttled", process_id=name, on=True)
    before = {name: rig.reader(name, "pty").span()[1] for name in names}

    def gains() -> list[int]:
        return [rig.reader(name, "pty").span()[1] - before[name] for name in names]

    eventually(lambda: sum(gains()) > 20 << 20)
    assert min(gains()) * 10 > max(gains())
