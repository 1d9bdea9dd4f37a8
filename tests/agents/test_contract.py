"""What every driver keeps, whatever its agent's protocol is. A new driver adds a speaker, and no test."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.claude import ClaudeSpeaker
from agents.once import AmpSpeaker, CursorSpeaker, DroidSpeaker
from agents.speakers import ENDS, AcpSpeaker, CodexSpeaker, Speaker

Action = tuple[str, Any]
SPEAKERS: tuple[type[Speaker], ...] = (
    AcpSpeaker,
    CodexSpeaker,
    ClaudeSpeaker,
    AmpSpeaker,
    CursorSpeaker,
    DroidSpeaker,
)
EVERY = pytest.mark.parametrize("kind", SPEAKERS, ids=lambda kind: kind.NAME)
HEARING = pytest.mark.parametrize("kind", [kind for kind in SPEAKERS if kind.HEARS], ids=lambda kind: kind.NAME)
"""Those that hear more than one prompt."""

WORDS = st.sampled_from(["a", "word ", "é🙂", "line\n"])
IDS = st.sampled_from(["i1", "i2", "i3"])
ACTIONS: st.SearchStrategy[list[Action]] = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.tuples(WORDS, IDS)),
        st.tuples(st.just("think"), st.tuples(WORDS, IDS)),
        st.tuples(st.just("begin_tool"), st.tuples(IDS)),
        st.tuples(st.just("end_tool"), st.tuples(IDS, WORDS)),
        st.tuples(st.just("ask"), st.tuples(st.integers(0, 5), IDS)),
        st.tuples(st.just("plan"), st.tuples(WORDS)),
        st.tuples(st.just("count"), st.tuples(st.integers(0, 9))),
        st.tuples(st.just("novelty"), st.just(())),
        st.tuples(st.just("raw"), st.sampled_from([b"garbage", b"", b"[]", b'{"id":99,"result":{}}', b'{"method":7}'])),
        st.tuples(st.just("answer"), st.none()),
        st.tuples(st.just("decide"), st.sampled_from(["allow_once", "reject_once", None])),
        st.tuples(st.just("interrupt"), st.none()),
        st.tuples(st.just("end"), st.sampled_from(ENDS)),
        st.tuples(st.just("prompt"), st.none()),
    ),
    max_size=25,
)


def begin(kind: type[Speaker]) -> Speaker:
    """An agent that works on a prompt."""
    speaker = kind()
    speaker.open()
    speaker.dialogue.core.prompt("go")
    speaker.dialogue.settle()
    speaker.feed(speaker.answer())
    return speaker


def find_frames(speaker: Speaker, name: str, argument: Any) -> list[Any]:
    """What the agent says in an action; nothing where it could not."""
    core = speaker.dialogue.core
    if name == "answer":
        return speaker.answer()
    if core.active is None or core.active.input_n is None:
        # What comes after the end of a turn is kept with it, but not across a restart.
        return []
    if name == "raw":
        return [argument]
    if name == "end":
        return [*speaker.answer(), *speaker.end(argument)]
    frames: list[Any] = getattr(speaker, name)(*argument)
    return frames


def act(speaker: Speaker, action: Action, *, lost: bool) -> None:
    """Do one thing; with `lost`, the server dies between reading a frame and recording it."""
    dialogue, core = speaker.dialogue, speaker.dialogue.core
    name, argument = action
    if name == "decide":
        if core.pending():
            core.decide(core.pending()[0], argument)
    elif name == "interrupt":
        if core.active is not None and core.active.interrupt is None:
            core.interrupt()
    elif name == "prompt":
        core.prompt("go")
    else:
        for frame in find_frames(speaker, name, argument):
            if lost:
                speaker.lose(frame)
            else:
                speaker.feed([frame])
    dialogue.settle()


def run(kind: type[Speaker], actions: list[Action], cuts: set[int], losses: set[int]) -> list[Any]:
    """What is left when all is done, with the server restarted after some actions and killed within others."""
    speaker = begin(kind)
    for number, action in enumerate(actions):
        act(speaker, action, lost=number in losses)
        if number in cuts:
            speaker.dialogue.restart(piecewise=number % 2 == 0)
    core = speaker.dialogue.core
    left = (list(core.items.values()), list(core.approvals.values()), core.turns)
    return [msgspec.to_builtins(part) for part in left] + [[write.data for write in core.writes], core.session.title]


@EVERY
@given(ACTIONS, st.sets(st.integers(0, 24)), st.sets(st.integers(0, 24)))
def test_restarts_change_nothing(kind: type[Speaker], actions: list[Action], cuts: set[int], losses: set[int]) -> None:
    assert run(kind, actions, cuts, losses) == run(kind, actions, set(), set())


@EVERY
def test_a_turn_is_told_whole(kind: type[Speaker]) -> None:
    speaker = begin(kind)
    speaker.feed(speaker.think("Hm.", "t1"))
    speaker.feed(speaker.say_in_parts(["I ", "look."], "m1"))
    speaker.feed(speaker.begin_tool("c1"))
    speaker.feed(speaker.end_tool("c1", "out\n"))
    speaker.feed(speaker.say("Done.", "m2"))
    speaker.feed([*speaker.answer(), *speaker.end("completed")])
    core = speaker.dialogue.core
    assert [(item.kind, item.text, item.status) for item in speaker.dialogue.items()] == [
        ("thought", "Hm.", "completed"),
        ("message", "I look.", "completed"),
        ("tool_call", "out\n", "completed"),
        ("message", "Done.", "completed"),
    ]
    assert (core.last_turn.status, core.last_turn.summary) == ("completed", "Done.")


@HEARING
def test_an_open_session_says_who_it_is_with(kind: type[Speaker]) -> None:
    session = begin(kind).dialogue.core.session
    assert session.agent_session_id and session.offer is not None


@HEARING
def test_one_prompt_is_in_flight_at_a_time(kind: type[Speaker]) -> None:
    speaker = begin(kind)
    core = speaker.dialogue.core
    core.prompt("next")
    speaker.dialogue.settle()
    assert len(speaker.prompts()) == 1
    speaker.feed([*speaker.answer(), *speaker.end("completed")])
    assert len(speaker.prompts()) == 2


@EVERY
def test_a_prompt_that_was_interrupted_before_it_was_sent_is_not_sent(kind: type[Speaker]) -> None:
    speaker = kind()
    speaker.open()
    core = speaker.dialogue.core
    core.prompt("go")
    core.interrupt()
    speaker.dialogue.settle()
    assert speaker.prompts() == []
    assert core.last_turn.status == "interrupted"


@HEARING
@pytest.mark.parametrize("chosen", ["allow_once", "reject_once", None])
def test_a_question_is_answered_once(kind: type[Speaker], chosen: str | None) -> None:
    speaker = begin(kind)
    core = speaker.dialogue.core
    speaker.feed([*speaker.begin_tool("c1"), *speaker.ask(7, "c1")])
    (approval,) = core.pending()
    assert approval.preview is not None
    assert core.last_turn.status == "waiting"
    assert 7 not in speaker.answers()
    core.decide(approval, chosen)
    speaker.dialogue.settle()
    speaker.dialogue.restart()
    assert len(speaker.answers()[7]) == 1
    assert core.turns[0].status == "running"


@HEARING
def test_what_is_allowed_and_what_is_not_are_told_apart(kind: type[Speaker]) -> None:
    told = []
    for chosen in ("allow_once", "reject_once", None):
        speaker = begin(kind)
        speaker.feed([*speaker.begin_tool("c1"), *speaker.ask(7, "c1")])
        speaker.dialogue.core.decide(speaker.dialogue.core.pending()[0], chosen)
        speaker.dialogue.settle()
        told.append(str(speaker.answers()[7]))
    assert told[0] not in told[1:]


@EVERY
@pytest.mark.parametrize("how", ENDS)
def test_the_end_of_a_turn_closes_its_questions_and_items(kind: type[Speaker], how: str) -> None:
    speaker = begin(kind)
    core = speaker.dialogue.core
    speaker.feed([*speaker.say("so far", "m1"), *speaker.begin_tool("c1"), *speaker.ask(7, "c1")])
    if how == "interrupted":
        core.interrupt()
        speaker.dialogue.settle()
    for _ in range(3):
        speaker.feed([*speaker.answer(), *(speaker.end(how) if core.active is not None else [])])
    assert core.last_turn.status == how
    assert core.pending() == []
    assert len(speaker.answers().get(7, [])) == (1 if kind.HEARS else 0)
    assert all(item.status != "in_progress" for item in speaker.dialogue.items())


@HEARING
def test_nobody_is_asked_in_a_turn_that_is_interrupted(kind: type[Speaker]) -> None:
    speaker = begin(kind)
    speaker.dialogue.core.interrupt()
    speaker.dialogue.settle()
    speaker.feed(speaker.ask(7, "c1"))
    assert speaker.dialogue.core.approvals == {}
    assert 7 in speaker.answers()


@EVERY
def test_what_is_not_understood_is_kept_and_the_turn_goes_on(kind: type[Speaker]) -> None:
    speaker = begin(kind)
    speaker.feed([b"\x1b[2J not a message", b"{", b"[1]", b'{"jsonrpc":"2.0"}', *speaker.novelty()])
    speaker.feed([*speaker.say("End.", "m1"), *speaker.answer(), *speaker.end("completed")])
    kinds = [item.kind for item in speaker.dialogue.items()]
    assert "notice" in kinds and "message" in kinds
    assert any(item.raw is not None for item in speaker.dialogue.items())
    assert speaker.dialogue.core.last_turn.status == "completed"
    assert "\x1b" not in str([item.text for item in speaker.dialogue.items()])


@HEARING
def test_a_strange_request_is_refused(kind: type[Speaker]) -> None:
    speaker = begin(kind)
    speaker.feed(speaker.strange(70))
    (answer,) = speaker.answers()[70]
    assert speaker.is_refusal(answer)


@EVERY
def test_a_flood_of_garbage_ends_the_process(kind: type[Speaker]) -> None:
    speaker = begin(kind)
    speaker.feed([b"garbage"] * 10_000)
    fatal = speaker.dialogue.core.fatal
    assert fatal is not None and fatal.code == "AGENT_PROTOCOL_ERROR"
