"""The fake model services: which step of a script is due, and how they stall, fail and refuse."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.models.responses import Responses
from fakes.models.script import Said, choose_step, write_script
from fakes.models.server import ModelServer, refuse_connections

ASK = Said("user", "Please: " + write_script({"text": "one", "tools": [{"name": "a", "args": {}}]}, {"text": "two"}))
CALLED = (ASK, Said("call"), Said("result"))


@pytest.mark.parametrize(
    ("conversation", "text"),
    [
        ((), "You said: "),
        ((Said("user", "hello"),), "You said: hello"),
        ((ASK,), "one"),
        (CALLED, "two"),
        # The user steers while a tool runs, and after the last word.
        ((*CALLED, Said("user", "faster")), "two"),
        ((*CALLED, Said("model", "two"), Said("user", "thanks")), "You said: thanks"),
        # A later script counts from its own start.
        ((*CALLED, Said("model", "two"), ASK), "one"),
        ((Said("result"), ASK), "one"),
    ],
)
def test_the_due_step_is_counted_from_the_conversation(conversation: tuple[Said, ...], text: str) -> None:
    assert choose_step(conversation).text == text


def test_a_step_of_several_calls_waits_for_all_results() -> None:
    ask = Said("user", write_script({"tools": [{"name": "a", "args": {}}] * 2}, {"text": "done"}))
    assert choose_step((ask, Said("result"), Said("result"))).text == "done"
    with pytest.raises(ValueError, match="no result"):
        choose_step((ask, Said("result")))


def test_a_step_that_makes_no_sense_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError):
        write_script({"say": "hello"})


@contextlib.contextmanager
def ask(server: ModelServer, prompt: str) -> Iterator[http.client.HTTPResponse]:
    body = {"input": [{"role": "user", "content": [{"type": "input_text", "text": prompt}]}]}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("POST", "/v1/responses", json.dumps(body))
        with connection.getresponse() as response:
            yield response


def read_events(response: http.client.HTTPResponse) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.read().splitlines() if line.startswith(b"data: ")]


def test_a_stream_holds_the_text_in_parts_and_the_usage() -> None:
    with ModelServer(Responses()) as server, ask(server, write_script({"text": "abcdef", "chunks": 3})) as response:
        events = read_events(response)
        assert [event["delta"] for event in events if "delta" in event] == ["ab", "cd", "ef"]
        assert events[-1]["response"]["usage"]["total_tokens"] == 120
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert server.requests[0].path == "/v1/responses"


def test_a_stream_stalls_until_its_gate_is_opened() -> None:
    prompt = write_script({"text": "so far", "chunks": 1, "stall": "gate"})
    with ModelServer(Responses()) as server, ask(server, prompt) as response:
        while b"so far" not in response.readline():
            pass
        server.open("gate")
        assert read_events(response)[-1]["type"] == "response.completed"


def test_a_stream_that_stalls_ends_with_the_service() -> None:
    with contextlib.ExitStack() as rest:
        with ModelServer(Responses()) as server:
            response = rest.enter_context(ask(server, write_script({"text": "so far", "stall": "never"})))
        assert not any(event["type"] == "response.completed" for event in read_events(response))


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_service_fails_as_scripted_and_as_told(status: int) -> None:
    with ModelServer(Responses()) as server:
        with ask(server, write_script({"status": status})) as response:
            assert response.status == status
        server.fail(status)
        with ask(server, "hello") as response:
            assert response.status == status
        with ask(server, "hello") as response:
            assert response.status == 200


def test_a_failure_and_a_cut_within_the_stream() -> None:
    with ModelServer(Responses()) as server:
        with ask(server, write_script({"error": "rate_limit_exceeded"})) as response:
            assert read_events(response)[-1]["response"]["error"]["code"] == "rate_limit_exceeded"
        with ask(server, write_script({"text": "so", "cut": True})) as response:
            assert read_events(response)[-1]["type"] == "response.output_text.delta"


def test_a_service_that_is_not_there_refuses() -> None:
    with refuse_connections() as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"))
        with pytest.raises(ConnectionRefusedError):
            connection.request("GET", "/")
