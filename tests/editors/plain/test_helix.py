"""Helix as it comes, with five lines of configuration and no plugin: it knows only LSP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.place import Place
from editors.terminal import Terminal, start_terminal

ROOT = Path(__file__).parents[3]
HELIX = ROOT / ".cache" / "plain-editors" / "bin" / "hx"

pytestmark = pytest.mark.plain_editors
LANGUAGES = """\
[language-server.agentlanes]
command = "agentlanes"
args = ["stdio"]

[[language]]
name = "markdown"
language-servers = ["agentlanes"]
"""


@contextlib.contextmanager
def open_helix(place: Place, *files: str) -> Iterator[Terminal]:
    """Helix in the repository."""
    folder = place.folder / "c" / "helix"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "languages.toml").write_text(LANGUAGES)
    (folder / "config.toml").write_text("[editor.lsp]\ndisplay-progress-messages = true\n")
    cache = place.folder / "k"
    log = cache / "helix" / "helix.log"

    def explain() -> str:
        return log.read_text()[-5000:] if log.exists() else ""

    env = {**place.env, "XDG_CACHE_HOME": str(cache)}
    with start_terminal(
        place.folder / "tmux", [str(HELIX), "-v", *files], env, place.folder / "repo", explain
    ) as helix:
        yield helix


def list_actions(helix: Terminal, *wanted: str) -> list[str]:
    """Opens the menu of code actions at the cursor, once it holds what is wanted, and reads it."""
    while True:
        helix.type(" ", "a")
        shown = helix.wait_until(
            lambda shown: (
                "No configured language server" in shown
                or "No code actions" in shown
                or all(part in shown for part in ("Start a lane", *wanted))
            ),
            f"code actions with {wanted}",
        )
        if "Start a lane" in shown:
            break
    lines = [line.strip(" 0123456789~\t") for line in shown.splitlines()]
    starts = ("Allow", "Always", "Reject", "Never", "Start a lane", "Send this", "Show what", "Merge lane")
    return [line for line in lines if line.startswith(starts)]


def act(helix: Terminal, title: str) -> None:
    """Chooses the code action that begins with this."""
    actions = list_actions(helix, title)
    index = next(index for index, action in enumerate(actions) if action.startswith(title))
    helix.type(*["C-n"] * index, "Enter")
    helix.wait_until(lambda shown: title not in shown, f"menu without {title}")


def test_a_lane_from_a_todo_to_the_merge(place: Place) -> None:
    with open_helix(place, "README.md") as helix:
        helix.wait("TODO: say hello")
        helix.type("2j")
        act(helix, "Start a lane for: TODO")
        # Helix asks nothing for a server, so it is told what waits, and a code action answers.
        helix.wait("Write README.md", "(a code action answers it)")
        list_actions(helix, "Allow: Write README.md")
        helix.photograph("helix-approval", "helix")
        helix.type("Escape")
        helix.wait_until(lambda shown: "Start a lane" not in shown, "closed menu")
        act(helix, "Allow: Write README.md")
        helix.wait("Done: I extended README.md")
        act(helix, "Show what lane")
        helix.wait("diff --git a/README.md", "+++ b/README.md")
        helix.photograph("helix-changes", "helix")
        helix.type(":q", "Enter")
        helix.wait_until(lambda shown: "diff --git" not in shown, "closed diff")
        helix.type(":lsp-workspace-command agentlanes.show", "Enter")
        helix.wait("# Lanes", "TODO: say hello to the reader 👋")
        helix.type(":q", "Enter")
        helix.wait_until(lambda shown: "# Lanes" not in shown, "closed list")
        helix.type(" ", "k")
        helix.wait("· lane ·", "+- Do what this note")
        helix.type("Escape")
        helix.wait_until(lambda shown: "· lane ·" not in shown, "closed hover")
        act(helix, "Merge lane")
        helix.wait("merged into main")
        written = place.git("show", "main:README.md", cwd=place.folder / "repo")
        helix.type(":reload", "Enter")
        helix.wait(written.splitlines()[-1][:60])
        helix.type(":q!", "Enter")
