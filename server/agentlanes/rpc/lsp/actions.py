"""Code actions: what can be started, answered and shown from a place in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from lsprotocol import types

from agentlanes.rpc.lsp.capabilities import SEND, SHOW, START
from agentlanes.rpc.lsp.choices import describe, list_choices
from agentlanes.rpc.lsp.client import read_path
from agentlanes.rpc.lsp.documents import name_diff
from agentlanes.rpc.lsp.suggestions import Suggestion, shorten
from agentlanes.wire.models import Approval, Lane

_APPROVALS_CAP = 3


def offer_decisions(waiting: Sequence[tuple[Approval, Lane]]) -> Iterator[types.CodeAction]:
    """The answers to what waits: for editors that ask nothing, and for what was dismissed."""
    for approval, lane in waiting[:_APPROVALS_CAP]:
        for choice in list_choices(approval):
            title = f"{choice.label}: {shorten(describe(approval))} (lane “{shorten(lane.name, 30)}”)"
            yield _make(title, "quickfix", "approval.resolve", choice.payload)


def offer_work(suggestions: Iterable[Suggestion], uri: str) -> Iterator[types.CodeAction]:
    """What an agent could be asked to do about a file."""
    name = PurePosixPath(read_path(uri) or "").name
    for suggestion in suggestions:
        argument: dict[str, Any] = {"prompt": suggestion.prompt}
        if name and name.isprintable():
            argument["links"] = [{"uri": uri, "name": name[:200]}]
        if suggestion.session_id is None:
            argument["uri"] = uri
            told = suggestion.title.removeprefix("Start a lane ").removeprefix("to ").removeprefix("for: ")
            argument["name"] = "".join(character if character.isprintable() else " " for character in told)
            yield _make(suggestion.title, suggestion.kind, START, argument)
        else:
            argument["session_id"] = suggestion.session_id
            yield _make(suggestion.title, suggestion.kind, SEND, argument)


def offer_lanes(changed: Iterable[tuple[Lane, dict[str, Any]]], *, has_lenses: bool) -> Iterator[types.CodeAction]:
    """What can be done with the lanes that changed a file. Where lenses tell of the changes, they also show them."""
    for lane, file in changed:
        told = f"“{shorten(lane.name)}” (+{file['additions']} −{file['deletions']})"
        if not has_lenses:
            yield _make(f"Show what lane {told} changes", "source", SHOW, {"uri": name_diff(lane.lane_id)})
        if lane.status == "ready" and lane.operation is None:
            into = lane.worktrees[0].target_branch
            yield _make(f"Merge lane {told} into {into}", "source", "lane.merge", {}, {"lane_id": lane.lane_id})


def _make(title: str, kind: str, command: str, *arguments: Any) -> types.CodeAction:
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind(kind),
        command=types.Command(title=title, command=command, arguments=list(arguments)),
    )
