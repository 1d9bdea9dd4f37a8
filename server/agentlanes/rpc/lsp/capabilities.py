"""What the server says it can do for a plain LSP client."""

from __future__ import annotations

from typing import Any

from agentlanes.rpc.lsp.client import LspClient
from agentlanes.wire.table import METHODS

SCHEME = "agentlanes"
START = "agentlanes.start"
SEND = "agentlanes.send"
SHOW = "agentlanes.show"
ASK = "agentlanes.ask"
OWN_COMMANDS = (START, SEND, SHOW, ASK)
"""Commands that only LSP clients need: they do in one step what a plugin does in several."""

REQUESTS = (
    "textDocument/hover",
    "textDocument/codeAction",
    "textDocument/codeLens",
    "workspace/executeCommand",
    "workspace/textDocumentContent",
)
"""LSP's requests that are answered."""
CLOSED = "textDocument/didClose"
DOCUMENT_NOTIFICATIONS = ("textDocument/didOpen", "textDocument/didChange", CLOSED)
"""Those that pygls keeps its documents by."""

_STREAMS = ("event.subscribe", "event.unsubscribe", "terminal.attach", "terminal.detach", "terminal.ack")
"""Methods that begin or steer a stream of notifications, which a plain LSP client does not understand."""

COMMANDS = tuple(name for name, row in METHODS.items() if row.kind != "internal" and name not in _STREAMS)


def describe_capabilities(client: LspClient) -> dict[str, Any]:
    """The part of `ServerCapabilities` that is LSP's own."""
    return {
        "positionEncoding": client.choose_encoding(),
        "textDocumentSync": {"openClose": True, "change": 2},
        "hoverProvider": True,
        "codeActionProvider": {"codeActionKinds": ["quickfix", "refactor", "source"]},
        "codeLensProvider": {},
        "executeCommandProvider": {"commands": [*OWN_COMMANDS, *COMMANDS]},
        "workspace": {"textDocumentContent": {"schemes": [SCHEME]}, "workspaceFolders": {"supported": True}},
    }
