"""Further input to a turn that runs, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Steer, Steered

STEERS_CAP = 100

NOT_TAKEN = Refusal("TURN_ENDED", "the turn ended before the agent took it; turn.create asks again").problem()


def note(steers: Iterable[Steer], news: Iterable[Steered]) -> tuple[Steer, ...]:
    """The steers with what the driver reports of some."""
    told = {steered.number: steered for steered in news}
    return tuple(
        msgspec.structs.replace(
            steer,
            input_n=told[steer.number].input_n or steer.input_n,
            problem=told[steer.number].problem or steer.problem,
        )
        if steer.number in told
        else steer
        for steer in steers
    )


def give_up(steer: Steer) -> Steer:
    """The steer at its turn's end: one that was never sent says so."""
    if steer.input_n is not None or steer.problem is not None:
        return steer
    return msgspec.structs.replace(steer, problem=NOT_TAKEN)
