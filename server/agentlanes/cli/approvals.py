"""`agentlanes approvals`: what agents of all lanes wait for, in one inbox, and the answers to it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from getpass import getpass
from typing import TYPE_CHECKING

from agentlanes.cli.client import Client, Json, Refused, connect
from agentlanes.cli.output import show

if TYPE_CHECKING:
    from agentlanes.cli.screen import Screen

ID_SHOWN = 8
PAGE = 1000
_KINDS = {"allow": ("allow_once", "allow_always"), "deny": ("reject_once", "reject_always")}


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "act",
        nargs="?",
        choices=("list", "ask", "allow", "deny", "answer"),
        default="list",
        help="list what waits; go through it (ask); or decide one: allow, deny, answer",
    )
    parser.add_argument("approval", nargs="?", help="id of the approval, or the end of it")
    parser.add_argument(
        "answers", nargs="*", metavar="QUESTION=ANSWER", help="answers to its questions; - for a line of stdin"
    )
    parser.add_argument(
        "--scope", choices=("once", "session", "lane", "workspace"), help="for what the decision counts"
    )
    parser.add_argument("--reason", help="why, for the agent")
    parser.add_argument("--lane", help="only what this lane waits for")
    parser.add_argument("--session", help="only what this session waits for")
    parser.add_argument("--all", action="store_true", help="list also what was decided")
    parser.add_argument("--json", action="store_true", help="JSON also on a terminal")


def run(arguments: argparse.Namespace) -> int:
    """List, or decide. A server that does not run is not started: nothing waits there."""
    with connect("approvals", start=False) as client:
        found = list(_find(client, arguments))
        if arguments.act == "list":
            if arguments.json or not sys.stdout.isatty():
                show({"approvals": found})
            else:
                _show_people(client, found)
        elif arguments.act == "ask":
            _ask(client, found)
        else:
            _decide(client, arguments, found)
    return 0


def _find(client: Client, arguments: argparse.Namespace) -> Iterator[Json]:
    """What waits, oldest first; what was decided as well, where that is wanted."""
    wanted = {"lane_id": arguments.lane, "session_id": arguments.session}
    ids = {name: id for name, id in wanted.items() if id is not None}
    everything = arguments.all and arguments.act == "list"
    page: Json = {"next_cursor": None}
    while "next_cursor" in page:
        query = {"limit": PAGE, "cursor": page["next_cursor"], "status": None if everything else "pending"}
        page = client.call("approval.list", {name: value for name, value in query.items() if value is not None}, **ids)
        yield from page["approvals"]


def _show_people(client: Client, found: list[Json]) -> None:
    from agentlanes.cli.screen import Screen

    screen = Screen()
    if not found:
        screen.line("nothing waits for a decision")
        return
    lanes: dict[str, str] = {
        lane["lane_id"]: lane["name"] for lane in client.call("lane.list", {"limit": PAGE})["lanes"]
    }
    screen.table(
        ("approval", "lane", "status", "since", "what"),
        [
            (
                approval["approval_id"][-ID_SHOWN:],
                lanes.get(approval["lane_id"], ""),
                _tell_status(approval),
                approval["requested_at"],
                _tell(approval),
            )
            for approval in found
        ],
    )


def _tell_status(approval: Json) -> str:
    by = approval.get("decision", {}).get("actor")
    return f"{approval['status']} by {by}" if by else str(approval["status"])


def _tell(approval: Json) -> str:
    outside = [touch["path"] for touch in approval.get("touches", ()) if "inside" not in touch]
    questions = " / ".join(question["text"] for question in approval.get("questions", ()))
    told = f"{approval['title']}: {questions}" if questions else str(approval["title"])
    return f"{told}  ⚠ outside of the lane: {', '.join(outside)}" if outside else told


def _decide(client: Client, arguments: argparse.Namespace, found: list[Json]) -> None:
    approval = _choose(client, arguments.approval, found)
    payload: Json = {"approval_id": approval["approval_id"]}
    if arguments.act == "answer":
        payload["answers"] = _read_answers(approval, arguments.answers)
    else:
        kinds = [option["kind"] for option in approval["options"]]
        wanted = _KINDS[arguments.act]
        payload["kind"] = next((kind for kind in wanted if kind in kinds), wanted[0])
    payload |= {name: getattr(arguments, name) for name in ("scope", "reason") if getattr(arguments, name) is not None}
    show(client.call("approval.resolve", payload))


def _choose(client: Client, wanted: str | None, found: list[Json]) -> Json:
    """The approval of this id, or the only one whose id ends so."""
    fitting = [each for each in found if wanted is not None and each["approval_id"].endswith(wanted.upper())]
    if wanted is not None and wanted.startswith("ap_"):
        return dict(client.call("approval.get", {"approval_id": wanted})["approval"])
    if len(fitting) == 1:
        return fitting[0]
    ends = ", ".join(each["approval_id"][-ID_SHOWN:] for each in found) or "nothing"
    message = "say which approval" if wanted is None else f"{len(fitting)} approvals that wait end in {wanted}"
    raise Refused(-32602, f"{message}; there waits {ends}", {"code": "INVALID_PARAMS"})


def _read_answers(approval: Json, given: list[str]) -> list[Json]:
    """`question=answer`, several answers to one question as often as there are."""
    values: dict[str, list[str]] = {}
    for word in given:
        name, separator, value = word.partition("=")
        if not separator:
            names = ", ".join(question["question_id"] for question in approval.get("questions", ()))
            raise Refused(-32602, f"{word} is no QUESTION=ANSWER; it asks {names}", {"code": "INVALID_PARAMS"})
        values.setdefault(name, []).append(sys.stdin.readline().rstrip("\n") if value == "-" else value)
    return [{"question_id": name, "values": each} for name, each in values.items()]


def _ask(client: Client, found: list[Json]) -> None:
    """Goes through what waits with the person at the terminal."""
    from agentlanes.cli.question import Decider, Left
    from agentlanes.cli.screen import Screen

    screen = Screen()
    if not screen.is_terminal:
        raise Refused(-32602, "there is nobody to ask; allow, deny and answer decide one", {"code": "INVALID_PARAMS"})
    client.call("event.subscribe", {"topics": ["approval.resolved"]})
    decider = Decider(client, screen, None, lambda message: None)
    try:
        for approval in found:
            if approval.get("questions"):
                _ask_questions(client, screen, approval)
            else:
                decider.decide(approval)
    except (Left, EOFError):
        return
    if not found:
        screen.line("nothing waits for a decision")


def _ask_questions(client: Client, screen: Screen, approval: Json) -> None:
    screen.line(approval["title"], "bold", mark="?", mark_style="bold yellow")
    answers = []
    for question in approval["questions"]:
        screen.line(f"  {question['text']}")
        options = [option["label"] for option in question.get("options", ())]
        for number, label in enumerate(options, 1):
            screen.line(f"    {number}  {label}")
        typed = getpass("  (not shown) ") if question.get("secret") else input("  ")
        chosen = [word.strip() for word in typed.split(",")] if question.get("multiple") else [typed.strip()]
        values = [options[int(word) - 1] if _is_number(word, len(options)) else word for word in chosen]
        answers.append({"question_id": question["question_id"], "values": values})
    try:
        client.call("approval.resolve", {"approval_id": approval["approval_id"], "answers": answers})
    except Refused as refused:
        screen.line(refused.message, "yellow")


def _is_number(word: str, highest: int) -> bool:
    return word.isdecimal() and 1 <= int(word) <= highest
