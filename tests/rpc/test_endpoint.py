"""Every request gets exactly one answer, and the lifecycle is LSP's."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from agentlanes.rpc import endpoint as endpoint_module
from agentlanes.rpc.endpoint import IN_FLIGHT
from agentlanes.rpc.fault import Fault
from agentlanes.rpc.peer import Peer
from agentlanes.rpc.ports import Reply
from rpc.stand_ins import Client, Server, code_of, until


async def test_nothing_but_initialize_comes_first(server: Server) -> None:
    client = await server.connect(initialized=False)
    for method in ("lane.create", "textDocument/hover", "shutdown", "$/unknown"):
        assert code_of(await client.call(method)) == (-32002, "SERVER_NOT_INITIALIZED")
    client.notify("initialized")
    client.notify("$/setTrace", value="verbose")
    await client.initialize()
    assert server.desk.heard == []
    client.notify("initialized")
    await client.assert_silence()
    assert server.desk.heard == [("initialized", {})]


async def test_initialize_is_answered_by_the_dispatch(server: Server) -> None:
    client = await server.connect(initialized=False)
    refused = await client.call("initialize", refuse=True)
    assert code_of(refused) == (-31000, "VERSION_NOT_SUPPORTED")
    assert code_of(await client.call("echo.now")) == (-32002, "SERVER_NOT_INITIALIZED")
    answer = await client.call("initialize", clientInfo={"name": "nvim"}, trace="messages")
    assert answer["result"]["serverInfo"] == {"name": "agentlanes"}
    (peer,) = server.desk.opened
    assert (peer.client, peer.trace) == ({"name": "nvim"}, "messages")
    assert code_of(await client.call("initialize")) == (-32600, "INVALID_REQUEST")


async def test_shutdown_and_exit_end_this_peer_only(server: Server, client: Client) -> None:
    other = await server.connect()
    assert (await client.call("shutdown"))["result"] is None
    for method in ("echo.now", "shutdown", "initialize", "textDocument/hover"):
        assert code_of(await client.call(method)) == (-32600, "INVALID_REQUEST")
    client.notify("exit")
    assert await client.read_end() == b""
    await other.assert_silence()
    await server.lost[0]
    assert [peer.id for peer in server.desk.closed] == ["peer_1"]
    assert server.desk.closed[0].closed


async def test_exit_counts_before_initialize(server: Server) -> None:
    client = await server.connect(initialized=False)
    client.notify("exit")
    assert await client.read_end() == b""


async def test_requests_are_answered_now_or_later(client: Client) -> None:
    assert (await client.call("echo.now", a=[1, {"jsonrpc": "2.0"}]))["result"] == {"a": [1, {"jsonrpc": "2.0"}]}
    assert (await client.call("echo.later", b="ü"))["result"] == {"b": "ü"}


async def test_ids_come_back_as_they_were(client: Client) -> None:
    for message_id in (0, -1, 2**53, "text", "", "ü\n", None):
        client.send({"jsonrpc": "2.0", "id": message_id, "method": "echo.later"})
        answer = await client.read()
        assert answer == {"jsonrpc": "2.0", "id": message_id, "result": {}}


@pytest.mark.parametrize("params", [None, [], {}])
async def test_params_may_be_missing(client: Client, params: object) -> None:
    client.send({"jsonrpc": "2.0", "id": 1, "method": "echo.now", "params": params})
    assert (await client.read())["result"] == {}
    client.send({"jsonrpc": "2.0", "id": 2, "method": "echo.now"})
    assert (await client.read())["result"] == {}


async def test_params_are_named(client: Client) -> None:
    client.send({"jsonrpc": "2.0", "id": 1, "method": "echo.now", "params": [1]})
    assert code_of(await client.read()) == (-32602, "INVALID_PARAMS")
    client.send({"jsonrpc": "2.0", "id": 2, "method": "echo.now", "params": "text"})
    assert code_of(await client.read()) == (-32600, "INVALID_REQUEST")
    client.send({"jsonrpc": "2.0", "method": "echo.now", "params": "text"})
    await client.assert_silence()


async def test_unknown_methods(server: Server, client: Client) -> None:
    assert code_of(await client.call("lane.unknown")) == (-32601, "METHOD_NOT_FOUND")
    assert code_of(await client.call("$/unknown")) == (-32601, "METHOD_NOT_FOUND")
    client.notify("$/unknown")
    client.notify("some.notification", a=1)
    await client.assert_silence()
    assert server.desk.heard == [("some.notification", {"a": 1})]


async def test_a_fault_is_answered_as_it_is_with_the_correlation_id(client: Client) -> None:
    answer = await client.call("fail.fault", correlation_id="cor_1")
    assert answer["error"] == {
        "code": -31101,
        "message": "no such lane",
        "data": {"code": "LANE_NOT_FOUND", "retryable": False, "correlation_id": "cor_1"},
    }


@pytest.mark.parametrize("method", ["fail.bug", "fail.bug_later"])
async def test_a_bug_is_answered_with_an_incident_and_no_path(
    client: Client, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.call(method, correlation_id="cor_1")
    assert code_of(answer) == (-32603, "INTERNAL_ERROR")
    assert "secret" not in json.dumps(answer)
    assert answer["error"]["data"]["correlation_id"] == "cor_1"
    incident = answer["error"]["data"]["details"]["incident_id"]
    (record,) = caplog.records
    assert incident in record.getMessage()
    assert record.exc_info is not None
    caplog.clear()


async def test_an_answer_that_cannot_be_sent_is_a_bug(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(peer: object, params: object) -> Reply:
        raise Fault(-31000, "odd", {"code": "ODD", "retryable": False, "details": object()})

    server.desk.answers["odd.fault"] = refuse
    server.desk.answers["odd.result"] = lambda peer, params: None  # type: ignore[assignment, return-value]
    assert code_of(await client.call("odd.fault")) == (-32603, "INTERNAL_ERROR")
    assert code_of(await client.call("odd.result")) == (-32603, "INTERNAL_ERROR")
    assert len(caplog.records) == 2
    caplog.clear()


async def test_a_bug_in_a_notification_harms_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.notify("fail.bug")
    await client.assert_silence()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    caplog.clear()


async def test_cancel_stops_what_was_not_accepted(server: Server, client: Client) -> None:
    message_id = client.request("gate.wait", gate="a", correlation_id="cor_1")
    await client.assert_silence()
    client.notify("$/cancelRequest", id=message_id)
    answer = await client.read()
    assert answer["id"] == message_id
    assert code_of(answer) == (-32800, "REQUEST_CANCELLED")
    assert server.desk.ended == ["a"]


async def test_cancel_changes_nothing_after_acceptance(server: Server, client: Client) -> None:
    message_id = client.request("gate.accept", gate="a")
    client.notify("$/cancelRequest", id=message_id)
    await client.assert_silence()
    server.desk.gates["a"].set_result(Reply(b'"done"'))
    assert await client.read() == {"jsonrpc": "2.0", "id": message_id, "result": "done"}


async def test_cancel_of_nothing_is_nothing(client: Client) -> None:
    odd: list[object] = [99, "x", None, True, 1.5, [1], {}]
    for message_id in odd:
        client.notify("$/cancelRequest", id=message_id)
    client.notify("$/cancelRequest")
    await client.assert_silence()


async def test_an_id_may_not_be_in_flight_twice(server: Server, client: Client) -> None:
    message_id = client.request("gate.wait", gate="a")
    client.send({"jsonrpc": "2.0", "id": message_id, "method": "echo.now"})
    assert code_of(await client.read()) == (-32600, "DUPLICATE_REQUEST_ID")
    server.desk.gates["a"].set_result(Reply(b"1"))
    assert (await client.read())["result"] == 1
    client.send({"jsonrpc": "2.0", "id": message_id, "method": "echo.now"})
    assert (await client.read())["result"] == {}


async def test_too_many_in_flight_are_refused(server: Server, client: Client) -> None:
    client.send(
        *({"jsonrpc": "2.0", "id": n, "method": "gate.wait", "params": {"gate": "a"}} for n in range(IN_FLIGHT))
    )
    client.send({"jsonrpc": "2.0", "id": "more", "method": "gate.wait", "params": {"gate": "a"}})
    answer = await client.read()
    assert (answer["id"], code_of(answer)) == ("more", (-32001, "OVERLOADED"))
    assert answer["error"]["data"]["retryable"] is True
    server.desk.gates["a"].set_result(Reply(b"1"))
    assert {(await client.read())["id"] for _ in range(IN_FLIGHT)} == set(range(IN_FLIGHT))


async def test_a_batch_is_answered_by_one_array(server: Server, client: Client) -> None:
    client.send(
        [
            {"jsonrpc": "2.0", "id": 1, "method": "gate.wait", "params": {"gate": "a"}},
            {"jsonrpc": "2.0", "method": "heard"},
            {"jsonrpc": "2.0", "id": 2, "method": "echo.now"},
            1,
            {"jsonrpc": "2.0", "id": 3, "method": "fail.fault"},
        ]
    )
    await client.assert_silence()
    server.desk.gates["a"].set_result(Reply(b"1"))
    answers = await client.read()
    assert [answer["id"] for answer in answers] == [2, None, 3, 1]
    assert server.desk.heard == [("heard", {})]


async def test_a_batch_of_notifications_gets_no_answer(server: Server, client: Client) -> None:
    client.send([{"jsonrpc": "2.0", "method": "heard"}, {"jsonrpc": "2.0", "id": 77, "result": 1}])
    await client.assert_silence()
    assert server.desk.heard == [("heard", {})]


async def test_exit_in_a_batch_ends_after_the_answers(client: Client) -> None:
    client.send([{"jsonrpc": "2.0", "id": 1, "method": "echo.now"}, {"jsonrpc": "2.0", "method": "exit"}])
    assert [answer["id"] for answer in await client.read()] == [1]
    assert await client.read_end() == b""


async def test_what_follows_the_answers_of_a_batch_follows_them_all(server: Server, client: Client) -> None:
    def subscribe(peer: Peer, params: dict[str, Any]) -> Reply:
        return Reply(b"{}", then=lambda: server.desk.heard.append(("subscribed", params)))

    server.desk.answers["event.subscribe"] = subscribe
    requests = [
        {"jsonrpc": "2.0", "id": "a", "method": "event.subscribe", "params": {"n": 1}},
        {"jsonrpc": "2.0", "id": "b", "method": "gate.wait", "params": {"gate": "a"}},
        {"jsonrpc": "2.0", "id": "c", "method": "event.subscribe", "params": {"n": 3}},
    ]
    client.send(requests)
    await client.assert_silence()
    assert server.desk.heard == []
    server.desk.gates["a"].set_result(Reply(b"1"))
    assert len(await client.read()) == 3
    assert server.desk.heard == [("subscribed", {"n": 1}), ("subscribed", {"n": 3})]


async def test_a_bug_in_what_follows_an_answer_harms_nothing(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("a bug")

    server.desk.answers["event.subscribe"] = lambda peer, params: Reply(b"{}", then=fail)
    assert (await client.call("event.subscribe"))["result"] == {}
    await client.assert_silence()
    assert "what follows an answer to peer_1 failed" in caplog.text
    caplog.clear()


async def test_a_bug_at_the_end_of_a_peer_harms_no_other(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(peer: Peer) -> None:
        raise RuntimeError("a bug")

    other = await server.connect()
    with monkeypatch.context() as patch:
        patch.setattr(server.desk, "close", fail)
        client.notify("exit")
        await server.lost[0]
    await other.assert_silence()
    assert "failed to close peer_1" in caplog.text
    caplog.clear()


async def test_the_server_asks_and_the_client_answers(server: Server, client: Client) -> None:
    (peer,) = server.desk.opened
    asked = asyncio.ensure_future(peer.request("window/showMessageRequest", {"message": "?"}))
    request = await client.read()
    assert (request["method"], request["params"]) == ("window/showMessageRequest", {"message": "?"})
    client.send({"jsonrpc": "2.0", "id": request["id"], "result": {"title": "yes"}})
    assert await asked == {"title": "yes"}

    refused = asyncio.ensure_future(peer.request("workspace/configuration"))
    request = await client.read()
    client.send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "no", "data": {"a": 1}}})
    with pytest.raises(Fault, match="no") as caught:
        await refused
    assert (caught.value.code, caught.value.data) == (-32601, {"a": 1})

    client.send({"jsonrpc": "2.0", "id": 999, "result": None}, {"jsonrpc": "2.0", "id": "x", "error": "odd"})
    await client.assert_silence()


async def test_what_is_asked_can_be_taken_back(server: Server, client: Client) -> None:
    (peer,) = server.desk.opened
    asked = asyncio.ensure_future(peer.request("window/showMessageRequest"))
    request = await client.read()
    asked.cancel()
    assert await client.read() == {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": request["id"]}}
    client.send({"jsonrpc": "2.0", "id": request["id"], "result": None})
    await client.assert_silence()


async def test_what_was_asked_fails_when_the_peer_goes(server: Server, client: Client) -> None:
    (peer,) = server.desk.opened
    asked = asyncio.ensure_future(peer.request("window/showMessageRequest"))
    await client.read()
    await client.close()
    with pytest.raises(ConnectionError, match="peer_1 is gone"):
        await asked
    with pytest.raises(ConnectionError):
        await peer.request("window/showMessageRequest")


async def test_after_its_last_word_a_client_still_gets_its_answers(server: Server, client: Client) -> None:
    message_id = client.request("gate.wait", gate="a")
    client.request("echo.now")
    client.writer.write_eof()
    assert (await client.read())["result"] == {}
    server.desk.gates["a"].set_result(Reply(b"1"))
    assert await client.read() == {"jsonrpc": "2.0", "id": message_id, "result": 1}
    assert await client.read_end() == b""


async def test_after_its_last_word_a_client_is_not_waited_for_long(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "LINGER_SECONDS", 0.01)
    client.request("gate.wait", gate="a")
    client.writer.write_eof()
    assert await client.read_end() == b""
    await server.lost[0]
    await until(lambda: server.desk.ended == ["a"])


async def test_a_lost_peer_takes_its_reads_along_but_not_what_was_accepted(server: Server, client: Client) -> None:
    client.request("gate.wait", gate="read")
    client.request("gate.accept", gate="command")
    await client.assert_silence()
    server.endpoints[0].abort()
    await server.lost[0]
    await until(lambda: server.desk.ended == ["read"])
    assert not server.desk.gates["command"].cancelled()
    server.desk.gates["command"].set_result(Reply(b"1"))


async def test_trace_is_set(server: Server, client: Client) -> None:
    client.notify("$/setTrace", value="verbose")
    client.notify("$/setTrace", value="loud")
    await client.assert_silence()
    assert server.desk.opened[0].trace == "verbose"
