"""Answers as Claude Code does to begin with, and then does by its prompt what Claude Code never does."""

from __future__ import annotations

import json
import sys
from typing import Any

Message = dict[str, Any]


def write(message: object) -> None:
    sys.stdout.write(f"{message if isinstance(message, str) else json.dumps(message)}\n")
    sys.stdout.flush()


def read() -> Message:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    message: Message = json.loads(line)
    return message


def say(text: str, message_id: str) -> None:
    content = [{"type": "text", "text": text}]
    write({"type": "assistant", "message": {"id": message_id, "role": "assistant", "content": content}})


def end(prompt: Message, **fields: Any) -> None:
    told = {"subtype": "success", "is_error": False, "result": "", "stop_reason": "end_turn", **fields}
    write({"type": "result", **told, "user_message_uuids": [prompt["uuid"]]})


def ask(request_id: object, tool_id: str) -> None:
    request = {"subtype": "can_use_tool", "tool_name": "Bash", "tool_use_id": tool_id, "input": {"command": tool_id}}
    write({"type": "control_request", "request_id": request_id, "request": request})


def show_oddities(prompt: Message) -> None:
    for oddity in ("no json at all", "[1]", {"no": "type"}, {"type": 7}, {"type": "of_a_kind_to_come", "x": [[[]]]}):
        write(oddity)
    write({"type": "assistant"})
    write({"type": "assistant", "message": {"content": [None, 7, {"type": "text"}, {"type": "tool_use"}]}})
    write({"type": "user", "message": {"content": [{"type": "tool_result"}]}})
    write({"type": "stream_event", "event": "none"})
    write({"type": "control_request", "request": {"subtype": "can_use_tool"}})
    write({"type": "control_response", "response": {"request_id": "77", "subtype": "success"}})
    write({"type": "system", "subtype": "status", "permissionMode": 7, "session_id": None})
    use = {"type": "tool_use", "id": "t" * 5000, "name": "Bash", "input": {"command": "x" * 3_000_000}}
    write({"type": "assistant", "message": {"content": [use]}})
    done = {"type": "tool_result", "tool_use_id": "t" * 5000, "content": "y" * 3_000_000 + "z" * 100}
    write({"type": "user", "message": {"content": [done]}, "tool_use_result": {"deep": "w" * 3_000_000}})
    say("End.", "m")
    end(prompt, usage={"input_tokens": "many", "output_tokens": -1}, total_cost_usd="free", modelUsage=[])


def flood_with_requests(prompt: Message) -> None:
    write({"type": "control_request", "request_id": "mcp", "request": {"subtype": "mcp_message"}})
    for number in range(120):
        ask(f"r{number}", f"c{number}")
    answers = [read() for _ in range(21)]
    errors = sum(answer["response"]["subtype"] == "error" for answer in answers)
    say(f"told {errors} error, {len(answers) - errors} denials", "m")
    while read()["type"] != "control_request":
        pass
    end(prompt, subtype="error_during_execution", is_error=True)


def main() -> None:
    acts = {"oddities": show_oddities, "requests": flood_with_requests}
    while True:
        message = read()
        if message["type"] == "control_request" and message["request"]["subtype"] == "initialize":
            response = {"subtype": "success", "request_id": message["request_id"], "response": {"commands": "none"}}
            write({"type": "control_response", "response": response})
        elif message["type"] == "user":
            text = message["message"]["content"][0]["text"]
            if text == "leave":
                sys.stderr.write("gone\n")
                sys.exit(7)
            acts[text](message)


if __name__ == "__main__":
    main()
