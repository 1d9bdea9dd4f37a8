"""`agentlanes agents`: what there is, and what to do about what is missing."""

from __future__ import annotations

import json

import pytest

from agentlanes.cli.agents import find_advice
from cli.place import Json, Place

CONFIG = """
[profiles.mine]
argv = ["no-such-agent"]
install = ["make", "no-such-agent"]
"""


def read(text: str) -> dict[str, Json]:
    return {agent["name"]: agent for agent in map(json.loads, text.splitlines())}


def test_agents_are_listed(place: Place) -> None:
    place.configure(CONFIG)
    agents = read(place.run("agents").stdout)
    assert (agents["demo"]["login"], agents["demo"]["version"]) == ("signed_in", "0.1.0")
    assert agents["mine"]["unavailable_reason"].endswith("`make no-such-agent` installs it")
    everything = read(place.run("agents", "--all").stdout)
    assert set(agents) < set(everything) and {"codex", "claude", "vibe"} <= set(everything)


def test_one_agent_is_told_whole(place: Place) -> None:
    agent = json.loads(place.run("agents", "demo").stdout)
    assert (agent["name"], agent["options"]["variants"]) == ("demo", [])
    wrong = place.run("agents", "nobody")
    assert wrong.returncode == 1 and "there is no profile nobody" in wrong.stderr


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, None),
        ({"available": False, "unavailable_reason": "x was not found"}, "x was not found"),
        ({"login": "signed_out"}, "Log in: x login"),
        ({"login": "signed_out", "setup": {"install": [], "login": []}}, None),
        ({"status": "ERROR", "problem": {"code": "AGENT_EXITED", "message": "x ended"}}, "x ended"),
    ],
)
def test_advice(changes: Json, advice: str | None) -> None:
    setup = {"install": [], "login": [{"title": "Log in", "argv": ["x", "login"]}]}
    agent = {"available": True, "login": "signed_in", "status": "OFFLINE", "setup": setup, **changes}
    assert find_advice(agent) == advice
