"""The turn that a plain prompt gets: look around, propose an edit that fits the prompt, ask, write, sum up."""

from __future__ import annotations

import re
from pathlib import Path

from agentlanes.demo_agent.turns import Turn

_FILE = re.compile(r"(?<![\w/.-])(\w[\w/-]*\.(?:md|txt|rst))\b")
_SHOUTED = re.compile(r"\b[A-Z]{3,}\b")
_NOT_A_FILE = frozenset({"ADD", "ALL", "AND", "API", "CLI", "FIX", "NOT", "PLEASE", "THE", "URL", "YOU"})

_CONTRIBUTING = """# Contributing

Thank you for your interest. To make a change easy to review:

1. Say in an issue what you want to change and why.
2. Work on a branch, in small commits that each keep the tests green.
3. Open a pull request that names the issue.
"""


def tell(turn: Turn, prompt: str) -> str:
    """Run the turn; returns its stop reason."""
    request = " ".join(prompt.split())
    target = choose_target(request)
    if not turn.conversation.title:
        turn.name(request[:80])
    turn.plan(["Look at the repository", f"Write {target}", "Sum up"])
    turn.advance()
    turn.think(f"The request is: {request[:200]}. I need to see what is here before I touch {target}.")
    earlier = turn.conversation.turns - 1
    recall = f"This is turn {earlier + 1} of our conversation. " if earlier else ""
    turn.say(f"{recall}I will look at the repository first.")
    looked, _ = _look(turn)
    turn.advance()
    exists = Path(turn.conversation.cwd, target).exists()
    turn.think(f"{target} {'exists, so I extend it' if exists else 'does not exist, so I create it'}.")
    if not turn.write(target, lambda before: compose(target, request, before)):
        turn.say(f"I left {target} as it was. Nothing was changed; tell me what you would like instead.")
        return "end_turn"
    turn.advance()
    done = "extended" if exists else "created"
    turn.say(f"Done: I {done} {target}{' and left the rest of the work tree alone' if looked == 0 else ''}.")
    turn.advance()
    return "end_turn"


def choose_target(request: str) -> str:
    """The text file that a request is about: one that it names, one after a word in capitals, else NOTES.md."""
    for named in _FILE.findall(request):
        return str(named)
    for word in _SHOUTED.findall(request):
        if word not in _NOT_A_FILE:
            return f"{word}.md"
    return "NOTES.md"


def compose(target: str, request: str, before: str | None) -> str:
    """The file's new text: what was there, and an entry for this request."""
    if before is None and Path(target).name == "CONTRIBUTING.md":
        return _CONTRIBUTING
    heading = Path(target).stem.replace("_", " ").replace("-", " ").capitalize()
    present = before if before is not None else f"# {heading}\n\nKept by the demo agent, one line for each request.\n"
    gap = "" if present.endswith("\n") or not present else "\n"
    if not present.rstrip("\n").rpartition("\n")[2].startswith("- "):
        gap += "\n"
    return f"{present}{gap}- {request}\n"


def _look(turn: Turn) -> tuple[int, str]:
    cwd = Path(turn.conversation.cwd)
    git = any(Path(folder, ".git").exists() for folder in (cwd, *cwd.parents))
    return turn.run(["git", "status", "--short", "--branch"] if git else ["ls", "-p"])
