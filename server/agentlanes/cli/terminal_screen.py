"""`agentlanes screen`: what a terminal shows now, for people and for scripts."""

from __future__ import annotations

import argparse
import sys

from agentlanes.cli.client import Json, connect
from agentlanes.cli.output import show

STYLES = {
    "bold": "bold",
    "faint": "dim",
    "italic": "italic",
    "underline": "underline",
    "blink": "blink",
    "inverse": "reverse",
    "invisible": "conceal",
    "strikethrough": "strike",
    "overline": "overline",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("terminal", metavar="TERMINAL", help="its id, as `agentlanes call terminal.list` shows it")
    parser.add_argument(
        "--history", type=int, default=0, metavar="LINES", help="so many lines above the screen before it"
    )
    parser.add_argument("--json", action="store_true", help="the screen as terminal.render tells it, with attributes")


def run(arguments: argparse.Namespace) -> int:
    """Print it: in colour on a terminal, as plain text elsewhere."""
    with connect("screen") as client:
        payload = {"history_lines": arguments.history} if arguments.history else {}
        rendered = client.call("terminal.render", payload, terminal_id=arguments.terminal)
    if arguments.json:
        show(rendered)
    elif sys.stdout.isatty():
        _show_in_colour(rendered)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in rendered.get("history", ())) + rendered["text"])
    return 0


def _show_in_colour(rendered: Json) -> None:
    from rich.console import Console
    from rich.text import Text

    from agentlanes.cli.screen import clean

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in rendered.get("history", ()):
        console.print(Text(clean(line)))
    for line in rendered["screen"]["lines"]:
        text = Text()
        for run in line["runs"]:
            text.append(clean(run["text"]), _name_style(run))
        console.print(text)


def _name_style(run: Json) -> str:
    words = [word for name, word in STYLES.items() if run.get(name)]
    if "fg" in run:
        words.append(_name_colour(run["fg"]))
    if "bg" in run:
        words.append(f"on {_name_colour(run['bg'])}")
    return " ".join(words)


def _name_colour(colour: str) -> str:
    return colour if colour.startswith("#") else f"color({colour})"
