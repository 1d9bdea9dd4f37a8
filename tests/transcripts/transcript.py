"""Transcripts: what peers and the server say to each other, as text that people read and a test plays.

    Prose, which is anything that is not a step.
    ada -> lane.create {"name": "Work"} workspace=$workspace      ada asks; ids of the envelope follow the payload
    ada <- {"lane": {"lane_id": "$lane", "status": "new"}}        and is answered with at least this
    ada <! LANE_HOLDS_WORK {"reason": "..."}                      or refused, with at least these details
    ada <~ lane.created {"lane": {"lane_id": "$lane"}}            ada is told; what else she is told is passed over
    * kill                                                        the server dies, and one is started
    * write $tree/a.txt some text                                 somebody writes a file; `\\n` ends a line
    * read $tree/a.txt some text

A step may go on over lines that are indented. A `$name` takes the value that it meets first and stands for it from
then on; `"..."` fits everything. Each peer hears of things in the order of its `<~` steps.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from e2e.rig import Client, Rig, RpcError

WAIT_SECONDS = 60.0
_STEP = re.compile(r"(?P<peer>[a-z]+) (?P<arrow>->|<-|<!|<~) ?(?P<rest>.*)|\* (?P<act>\w+) ?(?P<words>.*)", re.DOTALL)
_NAME = re.compile(r"\$([a-z_]+)")


class Step(NamedTuple):
    """One step, and the line at which it stands."""

    line: int
    peer: str
    arrow: str
    rest: str


def read_transcript(path: Path) -> list[Step]:
    """The steps of a transcript."""
    steps: list[Step] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = _STEP.fullmatch(line)
        if found is not None:
            steps.append(
                Step(number, found["peer"] or "*", found["arrow"] or found["act"], found["rest"] or found["words"])
            )
        elif line.startswith("    ") and steps:
            steps[-1] = steps[-1]._replace(rest=f"{steps[-1].rest} {line.strip()}")
    return steps


class Player:
    """Plays a transcript on a real server."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._peers: dict[str, Client] = {}
        self._heard: dict[str, int] = {}
        self._seq: dict[str, int] = {}
        self._answers: dict[str, Any] = {}
        self._names: dict[str, Any] = {"repo": str(rig.folder / "repo"), "folder": str(rig.folder)}

    async def play(self, steps: list[Step]) -> None:
        for step in steps:
            try:
                await self._take(step)
            except (AssertionError, TimeoutError, KeyError) as error:
                raise AssertionError(f"line {step.line}: {step.peer} {step.arrow} {step.rest}\n{error}") from error

        for name in list(self._answers):
            self._pass_over(name)

    def _pass_over(self, name: str) -> None:
        """An answer of which the transcript says nothing is no refusal."""
        answer = self._answers.pop(name, None)
        assert not isinstance(answer, RpcError), answer

    async def close(self) -> None:
        for peer in self._peers.values():
            await peer.close()

    async def _take(self, step: Step) -> None:
        if step.peer == "*":
            return await self._act(step.arrow, step.rest)
        peer = self._peers.get(step.peer) or await self._join(step.peer)
        if step.arrow == "->":
            self._pass_over(step.peer)
            self._answers[step.peer] = await self._ask(peer, step.rest)
        elif step.arrow == "<~":
            await self._hear(step.peer, peer, step.rest)
        elif step.arrow == "<-":
            answer = self._answers.pop(step.peer)
            assert not isinstance(answer, RpcError), answer
            self._expect(json.loads(step.rest), answer)
        else:
            answer = self._answers.pop(step.peer)
            assert isinstance(answer, RpcError), answer
            code, _, details = step.rest.partition(" ")
            assert answer.code == code, answer
            self._expect(json.loads(details or "{}"), answer.details)
        return None

    async def _join(self, name: str) -> Client:
        peer = self._peers[name] = await self._rig.connect(name)
        await peer.call("event.subscribe", {"after_seq": self._seq.get(name, 0)})
        self._heard[name] = 0
        return peer

    async def _ask(self, peer: Client, text: str) -> Any:
        method, _, rest = text.partition(" ")
        payload, end = json.JSONDecoder().raw_decode(rest) if rest.startswith("{") else ({}, 0)
        ids = dict(word.split("=") for word in rest[end:].split())
        envelope = {f"{noun}_id": self._fill(value) for noun, value in ids.items()}
        try:
            return await peer.call(method, self._fill(payload), **envelope)
        except RpcError as refusal:
            return refusal

    async def _hear(self, name: str, peer: Client, text: str) -> None:
        topic, _, rest = text.partition(" ")
        pattern = json.loads(rest or "{}")
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            for number, frame in enumerate(peer.notifications[self._heard[name] :], self._heard[name] + 1):
                if frame["method"] == topic and self._fits(pattern, frame["params"]["payload"], dict(self._names)):
                    self._heard[name] = number
                    self._expect(pattern, frame["params"]["payload"])
                    return
            await asyncio.sleep(0.005)
        told = [frame for frame in peer.notifications[self._heard[name] :] if "seq" in frame["params"]]
        raise AssertionError("\n".join(f"{frame['method']} {frame['params']['payload']}" for frame in told))

    async def _act(self, act: str, words: str) -> None:
        if act == "kill":
            self._rig.kill()
            for name, peer in self._peers.items():
                await peer.close()
                told = [frame["params"]["seq"] for frame in peer.notifications if "seq" in frame["params"]]
                self._seq[name] = max([self._seq.get(name, 0), *told])
            self._peers.clear()
            self._rig.start()
            return
        name, _, text = words.partition(" ")
        path = Path(self._fill(name))
        content = text.replace("\\n", "\n")
        if act == "write":
            path.write_text(content)
        else:
            assert act == "read", f"nobody knows how to {act}"
            assert path.read_text() == content

    def _fill(self, value: Any) -> Any:
        """The value with names replaced by what they stand for."""
        if isinstance(value, str):
            return _NAME.sub(lambda name: str(self._names[name[1]]), value)
        if isinstance(value, dict):
            return {key: self._fill(each) for key, each in value.items()}
        return [self._fill(each) for each in value] if isinstance(value, list) else value

    def _expect(self, pattern: Any, value: Any) -> None:
        names = dict(self._names)
        assert self._fits(pattern, value, names), json.dumps(value, indent=1)
        self._names = names

    def _fits(self, pattern: Any, value: Any, names: dict[str, Any]) -> bool:
        if isinstance(pattern, dict):
            return isinstance(value, dict) and all(
                key in value and self._fits(each, value[key], names) for key, each in pattern.items()
            )
        if isinstance(pattern, list):
            return (
                isinstance(value, list)
                and len(pattern) == len(value)
                and all(self._fits(each, one, names) for each, one in zip(pattern, value, strict=True))
            )
        if pattern == "...":
            return True
        if isinstance(pattern, str) and (name := _NAME.fullmatch(pattern)) is not None:
            return bool(names.setdefault(name[1], value) == value)
        return bool(pattern == value)
