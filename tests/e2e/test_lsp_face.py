"""What an editor without a plugin can do: pytest-lsp's client drives a lane with nothing but LSP."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from e2e.rig import Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn
from e2e.test_lsp import leave

WAIT_SECONDS = 20.0
CODE = "def total(items):\n    # TODO: round to cents\n    return sum(items)  # 𝒳 €\n"


@pytest.fixture(autouse=True)
def cart(rig: Rig) -> None:
    (rig.folder / "repo" / "cart.py").write_text(CODE)
    rig.git("add", "cart.py")
    rig.git("commit", "-q", "-m", "cart")


def _make_client() -> LanguageClient:
    return LanguageClient(converter_factory=default_converter)


class Editor:
    """A plain LSP client, and a person who answers its questions by `choose`."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.choose: Callable[[types.ShowMessageRequestParams], str | None] = lambda params: None
        self.questions: list[types.ShowMessageRequestParams] = []
        self.shown: list[str] = []
        self.tokens: set[str | int] = set()
        self.progress: list[tuple[str, dict[str, Any]]] = []
        self.refreshed: list[str] = []
        self._changed = asyncio.Event()
        self._listen()

    def _listen(self) -> None:
        def answer(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
            self.questions.append(params)
            self._changed.set()
            title = self.choose(params)
            return None if title is None else types.MessageActionItem(title=title)

        def create(params: types.WorkDoneProgressCreateParams) -> None:
            assert params.token not in self.tokens
            self.tokens.add(params.token)

        def note_progress(params: types.ProgressParams) -> None:
            assert params.token in self.tokens
            self.progress.append((str(params.token), dict(params.value or {})))
            self._changed.set()

        def refresh(params: types.TextDocumentContentRefreshParams) -> None:
            self.refreshed.append(params.uri)
            self._changed.set()

        def show(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
            assert params.take_focus is False
            self.shown.append(params.uri)
            return types.ShowDocumentResult(success=True)

        self.client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(answer)
        self.client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(create)
        self.client.feature(types.PROGRESS)(note_progress)
        self.client.feature(types.WORKSPACE_TEXT_DOCUMENT_CONTENT_REFRESH)(refresh)
        self.client.feature(types.WINDOW_SHOW_DOCUMENT)(show)

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def initialize(self, *encodings: str) -> types.InitializeResult:
        capabilities = client_capabilities("visual_studio_code")
        window, workspace = capabilities.window, capabilities.workspace
        assert window is not None and workspace is not None
        window.work_done_progress = True
        window.show_document = types.ShowDocumentClientCapabilities(support=True)
        workspace.text_document_content = types.TextDocumentContentClientCapabilities()
        if encodings:
            capabilities.general = types.GeneralClientCapabilities(position_encodings=list(encodings))
        result: types.InitializeResult = await self.client.initialize_session(
            types.InitializeParams(
                capabilities=capabilities,
                client_info=types.ClientInfo(name="editor"),
                workspace_folders=[types.WorkspaceFolder(uri=self.folder.as_uri(), name="repo")],
                process_id=os.getpid(),
            )
        )
        return result

    def open(self, path: Path, text: str) -> str:
        document = types.TextDocumentItem(uri=path.as_uri(), language_id="python", version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
        return path.as_uri()

    async def run(self, command: str, *arguments: Any) -> Any:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.client.workspace_execute_command_async(
                types.ExecuteCommandParams(command=command, arguments=list(arguments))
            )

    async def read(self, uri: str) -> str:
        params = types.TextDocumentContentParams(uri=uri)
        return str((await self.client.workspace_text_document_content_async(params)).text)

    async def actions(self, uri: str, first: int, last: int, *problems: str) -> list[types.Command]:
        at = types.Range(types.Position(first, 0), types.Position(last, 0))
        context = types.CodeActionContext([types.Diagnostic(at, problem) for problem in problems])
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), at, context)
        found = await self.client.text_document_code_action_async(params)
        # lsprotocol takes a code action that has a command for a bare command, and writes that command as text.
        return [types.Command(**ast.literal_eval(str(action.command))) for action in found or [] if action.command]


@pytest.fixture
async def editor(rig: Rig) -> AsyncIterator[Editor]:
    command = [sys.executable, "-m", "agentlanes", "stdio"]
    config = ClientServerConfig(server_command=command, server_env=rig.env, client_factory=_make_client)
    client = await config.start()
    assert isinstance(client, LanguageClient)
    yield Editor(client, rig.folder / "repo")
    await leave(client)


@pytest.fixture
async def plugin(rig: Rig, editor: Editor) -> AsyncIterator[Client]:
    """A client of our own protocol beside it."""
    client = await rig.connect("plugin")
    await client.call("event.subscribe", {"after_seq": 0})
    yield client
    await client.close()


async def test_a_lane_from_a_todo_to_a_merge(rig: Rig, editor: Editor, plugin: Client) -> None:
    result = await editor.initialize()
    assert result.capabilities.execute_command_provider is not None
    assert {"agentlanes.start", "lane.merge"} <= set(result.capabilities.execute_command_provider.commands)
    uri = editor.open(editor.folder / "cart.py", CODE)
    editor.choose = lambda params: next(a.title for a in params.actions or [] if "llow" in a.title)
    (action, *_) = await editor.actions(uri, 1, 2)
    assert action.title == "Start a lane for: TODO: round to cents"
    started = await editor.run(action.command, *(action.arguments or []))
    assert editor.shown == [started["uri"]]
    topic, turn = await wait_turn(plugin, started["turn_id"])
    assert topic == "turn.completed", turn
    assert turn["prompt"].startswith("Do what this note at cart.py:2 asks for")
    await editor.until(lambda: editor.progress and editor.progress[-1][1]["kind"] == "end")
    kinds = [value["kind"] for _, value in editor.progress]
    assert {token for token, _ in editor.progress} == {"TODO: round to cents"}, "people see it"
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("begin", "end", {"report"})
    assert len(editor.questions) == 1 and editor.questions[0].message.startswith("TODO: round to cents: ")
    transcript = await editor.read(started["uri"])
    assert "## Do what this note" in transcript and "*completed*" in transcript
    lane_id = started["lane_id"]
    diff = await editor.read(f"agentlanes:/lanes/{lane_id}.diff")
    assert diff.startswith("diff --git a/") and "\n@@ " in diff
    await editor.run("lane.merge", {}, {"lane_id": lane_id})
    await plugin.wait("lane.merged")
    await editor.run("lane.cleanup", {"delete_branch": True}, {"lane_id": lane_id})
    await plugin.wait("lane.cleaned")
    assert await editor.run("workspace.list") == {"workspaces": [(await plugin.wait("workspace.created"))["workspace"]]}


async def test_questions_are_asked_once_and_withdrawn_when_another_decides(
    rig: Rig, editor: Editor, plugin: Client
) -> None:
    await editor.initialize()
    lane = await make_lane(plugin, rig)
    session = await make_session(plugin, lane)
    turn_id = await prompt(plugin, session, script({"ask": {"title": "Delete it?"}}, {"say": "done"}))
    approval = (await plugin.wait("approval.requested"))["approval"]
    await editor.until(lambda: editor.questions)
    assert editor.questions[0].message == "Greet the reader: Delete it?"
    # It was closed without an answer, so it still waits; asking again shows it again.
    assert (await plugin.call("approval.get", {"approval_id": approval["approval_id"]}))["approval"][
        "status"
    ] == "pending"
    answered = asyncio.Event()
    editor.choose = lambda params: answered.set()
    assert await editor.run("agentlanes.ask") == {"waiting": 1}
    await editor.until(lambda: len(editor.questions) == 2)
    await plugin.call("approval.resolve", {"approval_id": approval["approval_id"], "kind": "allow_once"})
    assert (await wait_turn(plugin, turn_id))[0] == "turn.completed"
    assert await editor.run("agentlanes.ask") == {"waiting": 0}


async def test_a_turn_is_stopped_from_its_progress(rig: Rig, editor: Editor, plugin: Client) -> None:
    await editor.initialize()
    session = await make_session(plugin, await make_lane(plugin, rig))
    turn_id = await prompt(plugin, session, script({"say": "thinking"}, {"wait": True}))
    await editor.until(lambda: editor.progress)
    assert editor.progress[0][1]["kind"] == "begin" and editor.progress[0][1]["cancellable"] is True
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token=editor.progress[0][0]))
    assert (await wait_turn(plugin, turn_id))[0] == "turn.interrupted"
    await editor.until(lambda: editor.progress[-1][1]["kind"] == "end")


async def test_lines_tell_which_lane_and_turn_changed_them(rig: Rig, editor: Editor, plugin: Client) -> None:
    await editor.initialize()
    lane = await make_lane(plugin, rig, "Round it")
    session = await make_session(plugin, lane)
    changed = CODE.replace("sum(items)", "round(sum(items), 2)")
    steps = [{"write": {"path": "cart.py", "text": changed, "ask": False}}]
    assert (await wait_turn(plugin, await prompt(plugin, session, f"Round the total\n{script(*steps)}")))[0]

    async def hover(path: Path, text: str, line: int) -> str | None:
        uri = editor.open(path, text)
        found = await editor.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, 4))
        )
        return None if found is None else found.contents.value

    inside = Path(lane["worktrees"][0]["path"]) / "cart.py"
    told = await hover(inside, changed, 2)
    assert told is not None and "**Round it**" in told and "by the turn “Round the total" in told
    assert "-    return sum(items)" in told and "+    return round(sum(items), 2)" in told
    assert await hover(inside, changed, 0) is None
    # The user's own copy shows what would come.
    told = await hover(editor.folder / "cart.py", CODE, 2)
    assert told is not None and "**Round it**" in told
    assert await hover(editor.folder / "cart.py", CODE, 0) is None
    lens = types.CodeLensParams(types.TextDocumentIdentifier((editor.folder / "cart.py").as_uri()))
    (found,) = await editor.client.text_document_code_lens_async(lens) or []
    assert found.command is not None and found.command.title == "lane Round it: +1 −1"
    shown = await editor.run(found.command.command, *(found.command.arguments or []))
    assert shown == {"uri": f"agentlanes:/lanes/{lane['lane_id']}.diff", "shown": True}
    lens = types.CodeLensParams(types.TextDocumentIdentifier((editor.folder / "README.md").as_uri()))
    assert not await editor.client.text_document_code_lens_async(lens)


async def test_what_is_read_is_said_to_have_changed(rig: Rig, editor: Editor, plugin: Client) -> None:
    await editor.initialize()
    session = await make_session(plugin, await make_lane(plugin, rig))
    uri = f"agentlanes:/sessions/{session['session_id']}.md"
    assert "## " not in await editor.read(uri)
    await wait_turn(plugin, await prompt(plugin, session, script({"say": "Hello"})))
    await editor.until(lambda: uri in editor.refreshed)
    assert "Hello" in await editor.read(uri)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_suggestions_in_every_position_encoding(rig: Rig, editor: Editor, encoding: str) -> None:
    result = await editor.initialize(encoding)
    assert result.capabilities.position_encoding == encoding
    uri = editor.open(editor.folder / "cart.py", "a = 1\n")
    # An edit behind characters that the encodings count differently lands where the editor meant it.
    line = "x = '𝒳é' + TAIL\n"
    whole = types.TextDocumentContentChangeWholeDocument(line)
    column = {"utf-8": 12, "utf-16": 9, "utf-32": 8}[encoding] + 3
    at = types.Range(types.Position(0, column), types.Position(0, column + 4))
    versioned = types.VersionedTextDocumentIdentifier(version=2, uri=uri)
    changes: list[types.TextDocumentContentChangeEvent] = [
        whole,
        types.TextDocumentContentChangePartial(range=at, text="# FIXME now"),
    ]
    editor.client.text_document_did_change(types.DidChangeTextDocumentParams(versioned, changes))
    actions = await editor.actions(uri, 0, 0, "TAIL is not defined")
    assert [action.title for action in actions] == [
        "Start a lane to fix: TAIL is not defined",
        "Start a lane for: FIXME now",
        "Start a lane to improve this",
    ]
    prompts = [json.dumps(action.arguments, ensure_ascii=False) for action in actions]
    assert all("x = '𝒳é' + # FIXME now" in prompt for prompt in prompts), prompts


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("lane.get", [{}, {"lane_id": "ln_01JQ8Z7V5M3K9T2XWB4C6D0E01"}], "LANE_NOT_FOUND"),
        ("lane.get", [{}, {"lane": "x"}], "INVALID_PARAMS"),
        ("lane.get", ["text"], "INVALID_PARAMS"),
        ("lane.vanish", [], "INVALID_PARAMS"),
        ("agentlanes.start", [{}], "INVALID_PARAMS"),
        ("agentlanes.show", [{"uri": "file:///etc/passwd"}], "INVALID_PARAMS"),
        ("agentlanes.start", [{"prompt": "x", "uri": "file:///"}], "REPO_REFUSED"),
    ],
)
async def test_refusals(rig: Rig, editor: Editor, command: str, arguments: list[Any], code: str) -> None:
    await editor.initialize()
    with pytest.raises(JsonRpcException) as refused:
        await editor.run(command, *arguments)
    assert refused.value.data is not None and refused.value.data["code"] == code, refused.value.data
    with pytest.raises(JsonRpcException):
        await editor.read("agentlanes:/nothing")
    with pytest.raises(JsonRpcException):
        await editor.read("agentlanes:/sessions/ss_01JQ8Z7V5M3K9T2XWB4C6D0E01.md")


async def test_a_terminal_is_a_document(rig: Rig, editor: Editor, plugin: Client) -> None:
    """A client without a terminal types by a command, and reads what the terminal shows."""
    await editor.initialize()
    lane = await make_lane(plugin, rig)
    envelope = {"lane_id": lane["lane_id"]}
    spawned = await editor.run("terminal.spawn", {"argv": ["bash", "--norc", "-i"]}, envelope)
    terminal_id = spawned["terminal"]["terminal_id"]
    await plugin.wait("terminal.spawned")
    uri = (await editor.run("agentlanes.show", {"terminal_id": terminal_id}))["uri"]
    assert uri == f"agentlanes:/terminals/{terminal_id}.txt" and editor.shown == [uri]
    await editor.read(uri)
    await editor.run("terminal.input", {"data": "echo on the scr''een\n"}, {"terminal_id": terminal_id})
    while "\non the screen\n" not in await editor.read(uri):
        editor.refreshed.clear()
        await editor.until(lambda: editor.refreshed)
    rendered = await editor.run("terminal.render", {}, {"terminal_id": terminal_id})
    assert rendered["text"] == await editor.read(uri)
    offered = await editor.run("renderer.capabilities", {}, {"terminal_id": terminal_id})
    assert offered["active_renderer_mode"] == "mode_a" and offered["modes"][1]["available"]
    switched = await editor.run("renderer.switch", {"mode": "mode_b"}, {"terminal_id": terminal_id})
    assert switched["renderer"]["status"] == "switching"
    await plugin.wait("renderer.switch.succeeded")
