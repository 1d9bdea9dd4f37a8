"""What can be chosen in an agent, and what it can do, as the offer of its open session says.

Before the agent was ever there nothing is known, and everything is taken: what it cannot do fails when it is due.
"""

from __future__ import annotations

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.wire.models import Choice, Offer, Setting, TurnAction

_ACTIONS: tuple[TurnAction, ...] = ("compact", "review")


def check_action(offer: Offer | None, action: TurnAction | None) -> None:
    """Refuses what the agent says that it cannot."""
    if offer is None or action is None or action == "prompt" or getattr(offer, action):
        return
    offered = ["prompt", *(other for other in _ACTIONS if getattr(offer, other))]
    raise Refusal(
        "ACTION_NOT_OFFERED",
        f"the agent offers no {action}; it offers {', '.join(offered)}",
        action=action,
        offered=offered,
    )


def check_choice(offer: Offer | None, choice: Choice | None) -> None:
    """Refuses a value that is none of those that the agent offers."""
    if offer is None or choice is None:
        return
    by_kind: dict[str, Setting] = {setting.kind: setting for setting in reversed(offer.settings)}
    for kind, value in msgspec.structs.asdict(choice).items():
        if value is None or (kind == "effort" and choice.model is not None):
            # Which efforts there are depends on the model.
            continue
        setting = by_kind.get(kind)
        if setting is None:
            offered = ", ".join(by_kind) or "nothing to choose"
            raise Refusal("CHOICE_NOT_OFFERED", f"the agent offers no {kind}; it offers {offered}", kind=kind)
        values = [each.value for each in setting.values]
        if value not in values:
            raise Refusal(
                "CHOICE_NOT_OFFERED",
                f"the agent offers no {kind} {value}; it offers {', '.join(values)[:2000]}",
                kind=kind,
                offered=values,
            )


def merge(chosen: Choice | None, over: Choice | None) -> Choice | None:
    """What is chosen when something more is."""
    if over is None or chosen is None:
        return over or chosen
    told = {name: value for name, value in msgspec.structs.asdict(over).items() if value is not None}
    return msgspec.structs.replace(chosen, **told)
