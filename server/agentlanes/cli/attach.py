"""`agentlanes attach`: a terminal of a lane in this terminal, or in a pipe.

On a terminal every key goes through but the detach key. In a pipe stdin is typed as it comes, and the output is every
byte that the terminal's tape still has. Detaching, by the key or by a signal, leaves the program running.
"""

from __future__ import annotations

import argparse
import base64
import os
import select
import signal
import sys
import time
from contextlib import ExitStack

from agentlanes.cli.client import Client, Gone, Json, Message, connect, refuse
from agentlanes.cli.commands import fail
from agentlanes.cli.terminal_mode import Switches, find_size, raw_mode, size_changes

WINDOW_BYTES = 1 << 20
READ_BYTES = 64 << 10
DETACH = "^\\"
BELL = b"\a"
RETRY_SECONDS = 0.05
SIGNALED = 128


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("terminal", metavar="TERMINAL", help="its id, as `agentlanes call terminal.list` shows it")
    parser.add_argument(
        "--detach-key",
        type=read_key,
        default=read_key(DETACH),
        metavar="KEY",
        help=r"^A to ^Z or ^\ ^] ^^ ^_; ^\ if absent",
    )


def run(arguments: argparse.Namespace) -> int:
    """Attach until the program ends, which gives its exit code, or the user detaches, which gives 0."""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with connect("attach") as client, ExitStack() as stack:
        attached = Attached(client, arguments.terminal, arguments.detach_key if on_terminal else b"")
        attached.begin(lossless=not sys.stdout.isatty())
        resized = -1
        if on_terminal:
            stack.enter_context(raw_mode(0))
            stack.callback(lambda: _write(attached.switches.reset()))
            resized = stack.enter_context(size_changes())
            attached.resize()
        try:
            how = attached.follow(resized)
        except Gone as gone:
            stack.close()
            return fail(str(gone))
    if how is None:
        print(f"\ndetached; `agentlanes attach {arguments.terminal}` comes back to it", file=sys.stderr)
        return 0
    return _tell_end(how)


def read_key(text: str) -> bytes:
    """A control key written as ^X."""
    if len(text) == 2 and text[0] == "^" and "@" < text[1].upper() <= "_":
        return bytes([ord(text[1].upper()) & 0x1F])
    raise argparse.ArgumentTypeError(f"{text!r} is no control key; write it as ^A or ^]")


class Attached:
    """This process as a view of one terminal."""

    def __init__(self, client: Client, terminal_id: str, detach_key: bytes) -> None:
        self.switches = Switches()
        self._client = client
        self._terminal_id = terminal_id
        self._detach_key = detach_key
        self._offset = 0
        self._acked = 0
        self._closed: Json | None = None
        self._typing = True
        self._typed: tuple[int, Json] | None = None
        """The input that waits for its answer. One at a time: so stdin is read only as fast as the program reads."""

    def begin(self, *, lossless: bool) -> None:
        """Ask for the output. Raises Refused."""
        status = self._client.call("server.status")
        self._client.call("event.subscribe", {"after_seq": status["seq"], "topics": ["terminal.closed"]})
        attachment = self._call(
            "terminal.attach",
            {
                "mode": "mode_a",
                "encoding": "base64",
                "window_bytes": WINDOW_BYTES,
                **({"offset": 0, "flow": "lossless"} if lossless else {}),
            },
        )
        self._offset = self._acked = attachment["offset"]
        self._tell_skipped(attachment)
        if attachment["terminal"]["state"] == "closed":
            self._closed = attachment["terminal"]

    def follow(self, resized: int) -> Json | None:
        """Copy both ways. The closed terminal once its program has ended, None where the user detached."""
        while self._closed is None:
            message = self._client.receive(0)
            if message is not None:
                self._take(message)
                continue
            sources = [self._client.fileno()]
            sources += [0] if self._typing and self._typed is None else []
            sources += [resized] if resized >= 0 else []
            ready, _, _ = select.select(sources, [], [])
            if resized in ready:
                os.read(resized, READ_BYTES)
                self.resize()
            if 0 in ready and not self._type(os.read(0, READ_BYTES)):
                self._call("terminal.detach", {})
                return None
        self._finish()
        return self._closed

    def resize(self) -> None:
        """Give the terminal this window's size, and become its owner."""
        columns, rows = find_size(1)
        self._ask("terminal.resize", {"cols": columns, "rows": rows, "claim": True})

    def _type(self, data: bytes) -> bool:
        """False where the user detached."""
        if not data:
            self._typing = False
            return True
        typed, detach, _ = data.partition(self._detach_key) if self._detach_key else (data, b"", b"")
        if typed:
            self._input({"data": base64.b64encode(typed).decode(), "encoding": "base64"})
        return not detach

    def _input(self, payload: Json) -> None:
        self._typed = self._ask("terminal.input", payload), payload

    def _take(self, message: Message) -> None:
        if message.method is None:
            self._hear_answer(message)
        elif message.method == "terminal.output":
            output = message.event["payload"]
            if output["terminal_id"] == self._terminal_id:
                self._show(output)
                self._ack()
        elif message.method == "terminal.closed":
            terminal = message.event["payload"]["terminal"]
            if terminal["terminal_id"] == self._terminal_id:
                self._closed = terminal

    def _hear_answer(self, message: Message) -> None:
        typed = self._typed if self._typed is not None and message.id == self._typed[0] else None
        if typed is not None:
            self._typed = None
        if message.error is None:
            return
        refused = refuse(message.error)
        if refused.name == "TERMINAL_CLOSED":
            # Its event is on the way.
            self._typing = False
        elif refused.name != "INPUT_REFUSED" or typed is None:
            raise refused
        elif self._detach_key:
            _write(BELL)
        else:
            # The program is slow to read; a pipe waits for it.
            time.sleep(RETRY_SECONDS)
            self._input(typed[1])

    def _finish(self) -> None:
        """What was printed before the end and did not come as a notification."""
        while True:
            chunk = self._call(
                "terminal.read", {"offset": self._offset, "max_bytes": WINDOW_BYTES, "encoding": "base64"}
            )
            self._show(chunk)
            if chunk["next_offset"] >= chunk["end_offset"]:
                return

    def _show(self, output: Json) -> None:
        self._tell_skipped(output)
        data = base64.b64decode(output["data"])
        self._offset = output["next_offset"]
        self.switches.follow(data)
        _write(data)

    def _ack(self) -> None:
        if self._offset - self._acked >= WINDOW_BYTES // 4:
            self._acked = self._offset
            self._ask("terminal.ack", {"consumed": self._offset})

    def _tell_skipped(self, output: Json) -> None:
        if output.get("skipped") and not sys.stdout.isatty():
            print(f"agentlanes: {output['skipped']} bytes are no longer kept and were skipped", file=sys.stderr)

    def _call(self, method: str, payload: Json) -> Json:
        return self._client.call(method, payload, terminal_id=self._terminal_id)

    def _ask(self, method: str, payload: Json) -> int:
        return self._client.ask(method, {"terminal_id": self._terminal_id, "payload": payload})


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def _tell_end(terminal: Json) -> int:
    """Say how the program ended; its exit code, as a shell gives it."""
    name = terminal.get("signal")
    if name is not None:
        print(f"\nthe terminal was ended by {name}", file=sys.stderr)
        return SIGNALED + int(getattr(signal, name, 0))
    code = terminal.get("exit_code")
    print(f"\nthe terminal ended{'' if code is None else f' with exit code {code}'}", file=sys.stderr)
    return int(code or 0)
