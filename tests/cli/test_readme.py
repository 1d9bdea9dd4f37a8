"""What the README shows is run as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from cli.place import WAIT_SECONDS, Place

README = Path(__file__).parents[2] / "README.md"


def read_blocks(language: str) -> list[str]:
    """The README's code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_tour_for_a_shell(place: Place) -> None:
    repo = place.make_repo()
    blocks = read_blocks("sh")
    assert len(blocks) == 3
    done = subprocess.run(
        ["/bin/sh", "-eu"],
        input="\n".join(blocks),
        env=place.env,
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *_, merged, cleaned = done.stdout.splitlines()
    assert merged == place.git("rev-parse", "main")
    assert json.loads(cleaned)["lane"]["status"] == "closed"
    assert (repo / "GREETING.md").exists()


def test_the_script_that_drives_a_lane(place: Place) -> None:
    repo = place.make_repo()
    (block,) = read_blocks("python")
    (place.folder / "lane.py").write_text(block)
    done = subprocess.run(
        [sys.executable, str(place.folder / "lane.py"), str(repo)],
        env=place.env,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert (done.returncode, done.stdout) == (0, place.git("rev-parse", "main") + "\n"), done.stderr
    assert (repo / "hello.txt").read_text() == "Hello from a lane.\n"
    assert len(block.split("\n\n")[-1].strip().splitlines()) == 10


def test_the_config_for_agents_of_ones_own(place: Place) -> None:
    place.configure(read_blocks("toml")[0])
    assert place.call("profile.list")["problems"] == []
    assert place.call("profile.get", {"name": "claude:plan"})["profile"]["default"] is True


def test_every_command_that_is_named_exists(place: Place) -> None:
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"agentlanes (--\w+|[a-z][a-z-]+)", "\n".join(re.findall(r"`[^`]+`|^\$.*$", text, re.M))))
    listed = place.run("--help").stdout
    assert named
    for command in named:
        assert command in listed, command
    methods = set(re.findall(r"agentlanes call ([a-z_.]+)", text))
    assert methods <= set(json.loads(place.run("describe").stdout)["methods"])
    makefile = (README.parent / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile, target
