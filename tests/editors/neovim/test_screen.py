"""What a person sees."""

from __future__ import annotations

from cli.place import Place
from editors.neovim.screen import start_screen
from editors.neovim.test_stories import script

BEFORE = """# Changes

## 1.1

- Comments are read.
- Names may have dashs.

## 1.0

- First release.
"""
AFTER = BEFORE.replace("dashs", "dashes").replace("## 1.1", "## 1.2\n\n- Lanes are merged in one commit.\n\n## 1.1")
UPGRADE = "# How to upgrade\n\nThere is nothing to do.\n"
LANES = {
    "Fix the parser": script({"say": "The parser reads one token too many."}, {"run": ["ls"]}, {"wait": True}),
    "Update the changelog": script(
        {"title": "Update the changelog"},
        {"write": {"path": "CHANGELOG.md", "text": AFTER, "ask": False}},
        {"write": {"path": "UPGRADE.md", "text": UPGRADE, "ask": False}},
    ),
}


def test_a_lane_from_the_prompt_to_the_merge(place: Place) -> None:
    place.env["AGENTLANES_DEMO_PACE_MS"] = "5"
    (place.folder / "repo" / "CHANGELOG.md").write_text(BEFORE)
    place.git("add", ".")
    place.git("commit", "-q", "-m", "Changes")
    workspace = place.call("workspace.create", {"root_paths": [str(place.folder / "repo")]})["workspace"]
    place.call("repo.add", {"path": str(place.folder / "repo")}, "--workspace", workspace["workspace_id"])
    for name, words in LANES.items():
        lane = place.call("lane.create", {"name": name}, "--workspace", workspace["workspace_id"], "--wait")["lane"]
        session = place.call("session.create", {}, "--lane", lane["lane_id"], "--wait")["session"]
        place.call("turn.create", {"prompt": words}, "--session", session["session_id"])
    with start_screen(place) as screen:
        screen.type(":Lanes create Greet the reader", "Enter")
        screen.wait("what shall the agent do?")
        screen.type("iWrite a GREETING.md that says hello to whoever reads it", "C-s")
        screen.wait("aa Allow")
        screen.type("Escape", ":Lanes", "Enter")
        screen.wait("1 waits for you")
        screen.wait("○ Update the changelog  ready  +8 −1")
        # The thoughts and what tools printed are folded; the question and its preview are not.
        shown = screen.wait("✓ execute git status --short --branch · 1 line")
        assert "## lane/" not in shown
        assert "+# Greeting" in shown
        screen.photograph("neovim-approval")
        screen.type("aa")
        screen.wait("ready  +5 −0")
        screen.type("/○ Update", "Enter", "d")
        screen.wait("merge base")
        screen.wait("Names may have dashs")
        screen.photograph("neovim-review")
        screen.type(":tabclose", "Enter", "/○ Greet", "Enter", "d")
        screen.wait("Kept by the demo agent")
        screen.type(":wincmd t", "Enter", "m")
        screen.wait("Merge Greet the reader into main")
        screen.type("1", "Enter")
        screen.wait("is merged into main")
        assert place.git("show", "main:GREETING.md").startswith("# Greeting")


def test_a_terminal_is_a_terminal(place: Place) -> None:
    with start_screen(place) as screen:
        screen.type(":Lanes create Look around", "Enter")
        screen.wait("what shall the agent do?")
        screen.type(":Lanes terminal", "Enter")
        screen.editor.wait_for("return vim.api.nvim_get_mode().mode == 't'")
        screen.type("printf '\\033[31mred\\033[0m and %s\\n' plain", "Enter")
        screen.wait("red and plain")
        screen.type("vi -u NONE README.md || cat README.md", "Enter")
        screen.wait("# A small project")
        screen.photograph("neovim-terminal")
