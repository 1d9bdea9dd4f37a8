"""Clients that know nothing but LSP, and not all of that; that are hasty, silent, or gone."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.rig import WAIT_SECONDS, Client, Rig
from e2e.story import make_lane, make_session, prompt, script, wait_turn

Json = dict[str, Any]
URI = "file:///src/shop/cart.py"


def poll(holds: Callable[[], bool]) -> None:
    """Waits for what nobody tells: that a file has changed."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Wire:
    """An LSP client of a few lines: it sends what it is told, keeps what it hears, and answers the server's requests by
    `answers`; one whose method is not there is refused, one whose answer is None is never answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Json) -> None:
        self._reader, self._writer = reader, writer
        self._answers = answers
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Json]] = {}
        self._arrived = asyncio.Condition()
        self.heard: list[Json] = []
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while header := await self._reader.readline():
            await self._reader.readline()
            frame = json.loads(await self._reader.readexactly(int(header.split(b":")[1])))
            if "method" not in frame:
                self._pending.pop(frame["id"]).set_result(frame)
                continue
            if "id" in frame:
                self._answer(frame)
            async with self._arrived:
                self.heard.append(frame)
                self._arrived.notify_all()

    def _answer(self, frame: Json) -> None:
        if frame["method"] not in self._answers:
            self.send({"id": frame["id"], "error": {"code": -32601, "message": "no such method"}})
        elif self._answers[frame["method"]] is not None:
            self.send({"id": frame["id"], "result": self._answers[frame["method"]](frame["params"])})

    def send(self, frame: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **frame}).encode()
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: Json) -> None:
        self.send({"method": method, "params": params})

    async def ask(self, method: str, params: Json) -> Json:
        """The whole answer."""
        number = next(self._ids)
        self._pending[number] = asyncio.get_running_loop().create_future()
        self.send({"id": number, "method": method, "params": params})
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._pending[number]

    async def run(self, command: str, *arguments: Json) -> Json:
        answer = await self.ask("workspace/executeCommand", {"command": command, "arguments": list(arguments)})
        assert "result" in answer, answer
        return dict(answer["result"])

    async def actions(self, uri: str, line: int = 0) -> list[Json]:
        place = {"line": line, "character": 0}
        context: Json = {"diagnostics": []}
        params = {"textDocument": {"uri": uri}, "range": {"start": place, "end": place}, "context": context}
        answer = await self.ask("textDocument/codeAction", params)
        assert "result" in answer, answer
        return list(answer["result"] or [])

    async def wait(self, method: str, part: str = "") -> Json:
        """The first message of a method, past or to come, whose params hold a text."""

        def find() -> list[Json]:
            return [
                f for f in self.heard if f["method"] == method and part in json.dumps(f["params"], ensure_ascii=False)
            ]

        async with asyncio.timeout(WAIT_SECONDS), self._arrived:
            await self._arrived.wait_for(find)
        return find()[0]

    def open(self, uri: str, text: str) -> None:
        document = {"uri": uri, "languageId": "text", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, version: int, change: Json) -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    async def close(self) -> None:
        """Gone, without a word."""
        self._writer.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def connect(rig: Rig, answers: Json | None = None, **capabilities: Any) -> Wire:
    """A client in the user's repository."""
    wire = Wire(*await asyncio.open_unix_connection(str(rig.socket), limit=1 << 26), answers or {})
    folder = {"uri": (rig.folder / "repo").as_uri(), "name": "repo"}
    params = {"processId": None, "rootUri": None, "capabilities": capabilities, "workspaceFolders": [folder]}
    assert "result" in await wire.ask("initialize", params)
    wire.notify("initialized", {})
    return wire


@pytest.fixture
async def wire(rig: Rig, client: Client) -> AsyncIterator[Wire]:
    """One that can nothing of what is optional."""
    wire = await connect(rig)
    yield wire
    await wire.close()


async def test_a_client_that_asks_nothing_answers_by_a_code_action(rig: Rig, client: Client, wire: Wire) -> None:
    session = await make_session(client, await make_lane(client, rig, "Greet"))
    steps = script({"write": {"path": "hello.txt", "text": "hello\n", "ask": True}}, {"say": "Written."})
    turn_id = await prompt(client, session, steps)
    told = await wire.wait("window/showMessage", "code action")
    assert "Greet: " in told["params"]["message"]
    (action, *_) = [a for a in await wire.actions("agentlanes:/anything") if a["title"].startswith("Allow")]
    assert action["kind"] == "quickfix" and "(lane “Greet”)" in action["title"]
    await wire.run(action["command"]["command"], *action["command"]["arguments"])
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    await wire.wait("window/showMessage", "Greet: Written.")
    assert not any("Allow" in action["title"] for action in await wire.actions("agentlanes:/anything"))


async def test_a_client_that_opens_files_only_gets_files(rig: Rig, client: Client) -> None:
    shown: list[Path] = []

    def show(params: Json) -> Json:
        shown.append(Path(params["uri"].removeprefix("file://")))
        return {"success": True}

    wire = await connect(rig, {"window/showDocument": show})
    lane = await make_lane(client, rig, "Greet")
    session = await make_session(client, lane)
    told = await wire.run("agentlanes.show", {"lane_id": lane["lane_id"]})
    assert told == {"uri": shown[0].as_uri(), "shown": True} and shown[0].suffix == ".diff"
    assert "changes nothing" in shown[0].read_text() and shown[0].stat().st_mode & 0o777 == 0o400
    steps = script({"write": {"path": "hello.txt", "text": "hello\n", "ask": False}}, {"say": "Written."})
    assert (await wait_turn(client, await prompt(client, session, steps)))[0] == "turn.completed"
    await asyncio.to_thread(poll, lambda: "+hello" in shown[0].read_text())
    await wire.run("agentlanes.show", {"session_id": session["session_id"]})
    assert "Written." in shown[1].read_text() and shown[1].suffix == ".md"
    await wire.run("agentlanes.show")
    assert "## Greet" in shown[2].read_text()
    await wire.close()
    await asyncio.to_thread(poll, lambda: not shown[0].parent.exists())


async def test_a_client_that_shows_nothing_is_told_where_it_is(rig: Rig, client: Client, wire: Wire) -> None:
    lane = await make_lane(client, rig, "Greet")
    told = await wire.run("agentlanes.show", {"lane_id": lane["lane_id"]})
    assert told["shown"] is False
    assert (await wire.wait("window/showMessage"))["params"]["message"] == f"open {told['uri'].removeprefix('file://')}"


async def test_what_changed_in_a_file_is_shown_and_merged_by_code_actions(rig: Rig, client: Client, wire: Wire) -> None:
    lane = await make_lane(client, rig, "Greet")
    (Path(lane["worktrees"][0]["path"]) / "README.md").write_text("# A greeting\n")
    uri = (rig.folder / "repo" / "README.md").as_uri()
    titles = {action["title"]: action["command"] for action in await wire.actions(uri)}
    assert "Show what lane “Greet” (+1 −1) changes" in titles
    merge = titles["Merge lane “Greet” (+1 −1) into main"]
    await wire.run(merge["command"], *merge["arguments"])
    await wire.wait("window/showMessage", "Greet: merged into main")
    assert (rig.folder / "repo" / "README.md").read_text() == "# A greeting\n"


NOWHERE = [
    "file:///gone/x.py",
    "file:///a%00b",
    "file://elsewhere/share/x.py",
    "file:///%FF%FE",
    "file:///",
    "file:///etc/hosts",
    "file:///c%3A/Users/ada/x.py",
    "file:relative",
    "file://[broken/x",
    "untitled:Untitled-1",
    "http://localhost/x.py",
    "no uri at all",
    "",
]


async def test_documents_that_are_nowhere(rig: Rig, client: Client, wire: Wire) -> None:
    """Whatever a client names, it is answered, and nothing of it is an error of the server's."""
    place = {"line": 5, "character": 7}
    for uri in NOWHERE:
        document = {"textDocument": {"uri": uri}}
        for text in (None, "# TODO: find me a place\r\n"):
            if text is not None:
                wire.open(uri, text)
                wire.change(uri, 2, {"range": {"start": place, "end": place}, "text": "more"})
            assert (await wire.ask("textDocument/hover", {**document, "position": place}))["result"] is None, uri
            assert not (await wire.ask("textDocument/codeLens", document))["result"], uri
            offered = [action["title"] for action in await wire.actions(uri)]
            # Work can be started from a buffer without a file, in the folder that is open.
            assert bool(offered) == (uri.startswith("untitled:") and text is not None), (uri, offered)


async def test_windows_line_ends(rig: Rig, client: Client, wire: Wire) -> None:
    path = rig.folder / "repo" / "dos.py"
    path.write_bytes(b"def f():\r\n    # TODO: name it\r\n    return 1\r\n")
    rig.git("add", ".")
    rig.git("commit", "-q", "-m", "dos")
    lane = await make_lane(client, rig, "Name it")
    session = await make_session(client, lane)
    changed = "def name():\r\n    return 1\r\n"
    turn_id = await prompt(client, session, script({"write": {"path": "dos.py", "text": changed, "ask": False}}))
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    wire.open(path.as_uri(), path.read_bytes().decode())
    (action, *_) = await wire.actions(path.as_uri(), 1)
    assert action["title"] == "Start a lane for: TODO: name it"
    assert "\r" not in json.dumps(action["command"]["arguments"], ensure_ascii=False)
    inside = Path(lane["worktrees"][0]["path"]) / "dos.py"
    assert inside.read_bytes() == changed.encode()
    wire.open(inside.as_uri(), changed)
    position = {"textDocument": {"uri": inside.as_uri()}, "position": {"line": 0, "character": 1}}
    told = (await wire.ask("textDocument/hover", position))["result"]["contents"]["value"]
    assert "-def f():\n" in told and "+def name():\n" in told and "\r" not in told and "by the turn" in told


async def test_a_flood_of_edits_in_a_thousand_documents(rig: Rig, client: Client, wire: Wire) -> None:
    folder = rig.folder / "repo"
    uris = [(folder / f"file{number}.py").as_uri() for number in range(1000)]
    for uri in uris:
        wire.open(uri, "x = 1\n" * 200)
    end = {"line": 150, "character": 0}
    for version in range(5000):
        wire.change(
            uris[version % 7], version + 2, {"range": {"start": end, "end": end}, "text": f"# TODO: {version}\n"}
        )
        if version % 1000 == 0:
            # Another client is served in between.
            await client.call("lane.list")
    (action, *_) = await wire.actions(uris[4999 % 7], 150)
    assert action["title"] == "Start a lane for: TODO: 4999"
    for uri in uris:
        wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert await wire.actions(uris[0], 150) == []


async def test_a_client_that_never_answers_holds_up_nobody(rig: Rig, client: Client) -> None:
    silent = {"window/showMessageRequest": None, "window/workDoneProgress/create": None}
    first, second = [await connect(rig, silent, window={"workDoneProgress": True}) for _ in range(2)]
    lane = await make_lane(client, rig, "Greet")
    ask = script({"ask": {"title": "Delete it?"}}, {"say": "Deleted."})
    turns = [await prompt(client, await make_session(client, lane), ask) for _ in range(2)]
    for wire in (first, second):
        await wire.wait("window/showMessageRequest", "Delete it?")
        await wire.wait("window/workDoneProgress/create")
    question = await first.wait("window/showMessageRequest")
    await first.close()
    # Who asks again is not kept waiting by the question that nobody answers; that one is withdrawn.
    assert await second.run("agentlanes.ask") == {"waiting": 2}
    await second.wait("$/cancelRequest")
    actions = [action for action in await second.actions("agentlanes:/x") if action["title"].startswith("Allow")]
    assert len(actions) == 2
    for action in actions:
        await second.run(action["command"]["command"], *action["command"]["arguments"])
    for turn_id in turns:
        assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    # An answer that comes too late is nobody's.
    second.send({"id": question["id"], "result": {"title": "Reject"}})
    assert await second.run("agentlanes.ask") == {"waiting": 0}
    await second.close()


async def test_a_client_that_dies_in_mid_turn_finds_its_question_again(rig: Rig, client: Client) -> None:
    first = await connect(rig, {"window/showMessageRequest": None})
    made = await first.run(
        "agentlanes.start",
        {"prompt": script({"ask": {"title": "Delete it?"}}), "name": "Greet"},
        {"envelope_id": "e-1"},
    )
    await first.wait("window/showMessageRequest", "Delete it?")
    await first.close()
    answers = {"window/showMessageRequest": lambda params: params["actions"][0]}
    second = await connect(rig, answers)
    await second.wait("window/showMessageRequest", "Delete it?")
    assert (await wait_turn(client, made["turn_id"]))[0] == "turn.completed"
    await second.close()


async def test_of_two_clients_the_first_to_answer_decides(rig: Rig, client: Client) -> None:
    quick, slow = [await connect(rig, {"window/showMessageRequest": None}) for _ in range(2)]
    session = await make_session(client, await make_lane(client, rig, "Greet"))
    turn_id = await prompt(client, session, script({"ask": {"title": "Delete it?"}}, {"say": "Deleted."}))
    questions = [await wire.wait("window/showMessageRequest", "Delete it?") for wire in (quick, slow)]
    allow, reject = (
        next(action for action in questions[0]["params"]["actions"] if action["title"].startswith(word))
        for word in ("Allow", "Reject")
    )
    quick.send({"id": questions[0]["id"], "result": allow})
    assert (await wait_turn(client, turn_id))[0] == "turn.completed"
    withdrawn = await slow.wait("$/cancelRequest")
    assert withdrawn["params"]["id"] == questions[1]["id"]
    slow.send({"id": questions[1]["id"], "result": reject})
    assert await slow.run("agentlanes.ask") == {"waiting": 0}
    (approval,) = (await client.call("approval.list", {"limit": 10}))["approvals"]
    assert (approval["status"], approval["decision"]["kind"]) == ("approved", "allow_once")
    for wire in (quick, slow):
        await wire.close()
