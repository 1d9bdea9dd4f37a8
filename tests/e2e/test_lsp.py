"""Any LSP client, over `agentlanes stdio`: pytest-lsp's, with the capabilities that real editors announce."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from e2e.rig import Rig, make_rig

WAIT_SECONDS = 60.0
AGENTLANES = {"agentlanes": {"protocol_versions": ["1"]}}
EDITORS = ("visual_studio_code", "neovim", "emacs")


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An installation in which nothing runs: the first client's relay starts the server."""
    with make_rig() as rig:
        rig.make_repo()
        yield rig
        log = rig.folder / "s" / "server.log"
        assert not log.exists() or " ERROR " not in log.read_text(), log.read_text()


@pytest.fixture
async def ended(rig: Rig) -> AsyncIterator[None]:
    """Ends the server that a relay started."""
    yield
    client = await rig.connect("ending")
    pid = (await client.call("server.status"))["pid"]
    await client.call("server.stop")
    await client.close()
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"server {pid} does not end")


pytestmark = pytest.mark.usefixtures("ended")


async def open_client(rig: Rig, *arguments: str) -> LanguageClient:
    command = [sys.executable, "-m", "agentlanes", "stdio", *arguments]
    client = await ClientServerConfig(server_command=command, server_env=rig.env).start()
    assert isinstance(client, LanguageClient)
    return client


async def initialize(client: LanguageClient, editor: str, options: Any = None) -> types.InitializeResult:
    params = types.InitializeParams(
        capabilities=client_capabilities(editor),
        client_info=types.ClientInfo(name=editor),
        initialization_options=options,
        workspace_folders=[types.WorkspaceFolder(uri="file:///tmp", name="tmp")],
        process_id=os.getpid(),
    )
    return await client.initialize_session(params)


async def ask(client: LanguageClient, method: str, payload: Any = None, **envelope: str) -> Any:
    """The payload of the answer to one of our methods."""
    protocol: Any = client.protocol
    async with asyncio.timeout(WAIT_SECONDS):
        result = await protocol.send_request_async(method, {**envelope, "payload": payload or {}})
    return result.payload


async def leave(client: Any) -> None:
    """LSP's own end of a session."""
    await client.shutdown_session()
    await client.stop()


def hear(client: Any, topic: str) -> asyncio.Queue[Any]:
    """What the client is told under a topic."""
    heard: asyncio.Queue[Any] = asyncio.Queue()

    def take(params: Any) -> None:
        heard.put_nowait(params)

    client.feature(topic)(take)
    return heard


def read_offer(result: types.InitializeResult) -> dict[str, Any]:
    """Our part of what the server says that it can."""
    assert result.capabilities.experimental is not None
    offer: dict[str, Any] = result.capabilities.experimental["agentlanes"]
    return offer


@pytest.mark.parametrize("editor", EDITORS)
async def test_the_lifecycle(rig: Rig, editor: str) -> None:
    # VS Code appends --stdio to what it starts.
    client = await open_client(rig, *(["--stdio"] if editor == "visual_studio_code" else []))
    result = await initialize(client, editor)
    assert result.server_info is not None and result.server_info.name == "agentlanes"
    generation = read_offer(result)["generation"]
    await leave(client)
    # The server goes on, and the next client finds it.
    again = await open_client(rig)
    result = await initialize(again, editor, AGENTLANES)
    offered = read_offer(result)
    assert (offered["generation"], offered["protocol_version"]) == (generation, "1")
    await leave(again)


async def test_custom_requests_and_notifications(rig: Rig) -> None:
    client = await open_client(rig)
    heard = hear(client, "workspace.created")
    await initialize(client, "neovim", AGENTLANES)
    subscription = await ask(client, "event.subscribe")
    assert subscription.snapshot.workspaces == []
    root = {"root_paths": [str(rig.folder / "repo")]}
    made = await ask(client, "workspace.create", root, correlation_id="c")
    async with asyncio.timeout(WAIT_SECONDS):
        event = await heard.get()
    assert event.payload.workspace.workspace_id == made.workspace.workspace_id
    with pytest.raises(JsonRpcException) as refused:
        await ask(client, "workspace.create", {"root_paths": ["relative"]}, correlation_id="c2")
    assert refused.value.data is not None
    assert (refused.value.code, refused.value.data["code"]) == (-32602, "INVALID_PARAMS")
    with pytest.raises(JsonRpcException) as refused:
        await ask(client, "lane.vanish")
    assert refused.value.code == -32601
    await leave(client)


async def test_a_bare_client_hears_nothing_of_ours(rig: Rig) -> None:
    bare, busy = await open_client(rig), await open_client(rig)
    await initialize(bare, "visual_studio_code")
    await initialize(busy, "neovim", AGENTLANES)
    heard = hear(bare, "workspace.created")
    made = await ask(busy, "workspace.create", {"root_paths": [str(rig.folder)]}, correlation_id="c")
    # It may ask all the same, and then it has heard whatever was said before the answer.
    listed = await ask(bare, "workspace.list")
    assert [each.workspace_id for each in listed.workspaces] == [made.workspace.workspace_id]
    assert heard.empty() and bare.error is None
    await ask(bare, "event.subscribe", {"after_seq": 0})
    async with asyncio.timeout(WAIT_SECONDS):
        assert (await heard.get()).payload.workspace.workspace_id == made.workspace.workspace_id
    for client in (bare, busy):
        await leave(client)


@pytest.mark.parametrize(
    ("versions", "action"),
    [(["2"], "upgrade_server"), (["0"], "upgrade_client"), ([], None), ("1", "upgrade_client"), (None, None)],
)
async def test_versions_that_have_nothing_in_common(rig: Rig, versions: Any, action: str | None) -> None:
    client = await open_client(rig)
    with pytest.raises(JsonRpcException) as refused:
        await initialize(client, "neovim", {"agentlanes": {"protocol_versions": versions}})
    data = refused.value.data
    assert data is not None
    assert (refused.value.code, data["code"], data["details"]["supported"]) == (-31000, "VERSION_NOT_SUPPORTED", ["1"])
    assert action is None or data["details"]["action"] == action
    # A client that understood may say it better on the same connection.
    result = await initialize(client, "neovim", {"agentlanes": {"protocol_versions": ["7", "1"]}})
    assert read_offer(result)["protocol_version"] == "1"
    await leave(client)


async def test_what_an_editor_says_to_every_server(rig: Rig) -> None:
    """Notifications that we do not serve are passed over, and requests that we do not serve are answered."""
    client = await open_client(rig)
    await initialize(client, "visual_studio_code")
    document = types.TextDocumentItem(uri="file:///a.py", language_id="python", version=1, text="x")
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings={}))
    client.set_trace(types.SetTraceParams(value=types.TraceValue.Verbose))
    position = types.Position(line=0, character=0)
    asked = types.DefinitionParams(text_document=types.TextDocumentIdentifier(uri="file:///a.py"), position=position)
    with pytest.raises(JsonRpcException) as refused:
        await client.text_document_definition_async(asked)
    assert refused.value.code == -32601
    assert (await ask(client, "server.status")).peers[0].client == "visual_studio_code"
    await leave(client)
