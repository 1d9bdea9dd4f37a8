"""What users, drivers, runners and disks may do to a kernel, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentlanes.core.errors import Refusal
from agentlanes.core.facts import RepoFacts
from agentlanes.core.world import (
    LaneBase,
    LaneWork,
    OriginSeen,
    ProfileSeen,
    RendererSeen,
    RootPaths,
    Shell,
    Stored,
    TurnsSeen,
)
from agentlanes.wire.models import Turn
from kernel.driving import Fault, ask, number_id
from kernel.stage import Stage

COMMIT = "a" * 40
PROFILE = ProfileSeen("demo", "acp", ("demo",), routable=True)
REPO = RepoFacts("/src", "/src/.git", "/o", "sha1", "main", COMMIT, False, False, ())
BASE = (PROFILE, LaneBase("/lanes", COMMIT, COMMIT, False, None))
PROBLEM = {"code": "GIT_FAILED", "message": "it did not work"}
MISSING = {"code": "WORKTREE_MISSING", "message": "it is gone"}
AT = "2026-03-01T12:00:00.000Z"


def pick(index: int, among: list[Any]) -> Any | None:
    """One of them, or None where there is none."""
    return among[index % len(among)] if among else None


class History(Stage):
    """What may happen to a kernel. A move that has nothing to be about does nothing."""

    def begin(self) -> None:
        self.create_workspace()
        for number in (1, 2):
            self.create_lane(number, None)
            self.settle_lane(0, None)
            self.create_session(number, number, True, None)
            self.attach_agent(0, True)
            self.create_turn(number, 50)

    # What users do.

    def create_workspace(self) -> None:
        workspace_id = number_id("workspace", 1)
        payload = {"workspace_id": workspace_id, "root_paths": ["/src"]}
        repo = {"repo_id": number_id("repo", 1), "path": "/src"}
        self.do(
            ask("workspace.create", payload, facts=RootPaths(("/src",), {})),
            ask("repo.add", repo, workspace_id=workspace_id, facts=REPO),
        )

    def touch_workspace(self, method: str) -> None:
        payload = {"repo_id": number_id("repo", 1)} if method.startswith("repo") else {}
        facts = RootPaths((), {})
        self.do(ask(method, payload, workspace_id=number_id("workspace", 1), facts=facts))

    def create_lane(self, number: int, correlation_id: str | None) -> None:
        payload = {"lane_id": number_id("lane", number), "name": f"lane {number}"}
        workspace_id = number_id("workspace", 1)
        self.do(ask("lane.create", payload, workspace_id=workspace_id, facts=BASE, correlation_id=correlation_id))

    def touch_lane(self, number: int, verb: str, correlation_id: str | None) -> None:
        facts = LaneWork((), ()) if verb == "cleanup" else PROFILE
        lane_id = number_id("lane", number)
        self.do(ask(f"lane.{verb}", lane_id=lane_id, facts=facts, correlation_id=correlation_id))

    def create_session(self, lane: int, number: int, attach: bool, correlation_id: str | None) -> None:
        payload = {"session_id": number_id("session", number), "attach": attach}
        lane_id = number_id("lane", lane)
        self.do(
            ask("session.create", payload, lane_id=lane_id, facts=OriginSeen(PROFILE), correlation_id=correlation_id)
        )

    def touch_session(self, number: int, verb: str, correlation_id: str | None) -> None:
        session_id = number_id("session", number)
        self.do(ask(f"session.{verb}", session_id=session_id, facts=PROFILE, correlation_id=correlation_id))

    def rewind_session(self, number: int, index: int) -> None:
        session_id = number_id("session", number)
        stored = [row for (noun, _), row in self.store.entities.items() if noun == "turn" and row.parent == session_id]
        turns = [msgspec.json.decode(row.json, type=Turn) for row in stored]
        began = sorted((turn for turn in turns if turn.started_at is not None), key=lambda turn: turn.turn_id)
        kept = [turn.turn_id for turn in began if not turn.dropped]
        # Mostly all of them: that every agent can.
        id = pick(index, [*kept[:1] * 3, *kept]) or number_id("turn", index)
        self.do(ask("session.rewind", {"turn_id": id}, session_id=session_id, facts=TurnsSeen(tuple(began))))

    def create_turn(self, session: int, priority: int) -> None:
        payload = {"turn_id": number_id("turn", self.number()), "prompt": "Go", "priority": priority}
        self.do(ask("turn.create", payload, session_id=number_id("session", session), facts=PROFILE))

    def create_turn_again(self, number: int, session: int) -> None:
        turn_id = pick(number, [id for noun, id in self.store.entities if noun == "turn"])
        payload = {"turn_id": turn_id or number_id("turn", number), "prompt": "Go"}
        known = self.store.entity("turn", payload["turn_id"])
        self.do(ask("turn.create", payload, session_id=number_id("session", session), facts=PROFILE))
        assert known is None or self.store.entity("turn", payload["turn_id"]) == known

    def touch_turn(self, number: int, verb: str, late: bool) -> None:
        known = pick(number, [id for noun, id in self.store.entities if noun == "turn"])
        id = known or number_id("turn", number)
        seen = self.see("turn", id)
        if late:
            self.exit_process(number, 1)
        self.do(ask(f"turn.{verb}", {"turn_id": id}, facts=seen))

    def replace_turn(self, number: int, late: bool) -> None:
        """By one of two users; the other one's turn may have ended since they looked."""
        id = pick(number, [id for noun, id in self.store.entities if noun == "turn"]) or number_id("turn", number)
        seen = self.see("turn", id)
        if late:
            self.exit_process(number, 1)
        payload = {"turn_id": id, "new_turn_id": number_id("turn", self.number()), "prompt": "Other"}
        self.do(ask("turn.replace", payload, facts=(seen, PROFILE)))

    def move_turn(self, number: int, beside: int, how: str) -> None:
        queued = [one.turn_id for one in self.kernel.state.all("turn") if one.status == "queued"]
        id, other = pick(number, queued), pick(beside, queued)
        if id is None:
            return
        where = {"to": how} if how in ("first", "last") else {how: other}
        self.do(ask("turn.move", {"turn_id": id, **where}, facts=Stored(None)))

    def steer_turn(self, number: int) -> None:
        turn = pick(number, list(self.kernel.state.all("turn")))
        if turn is not None:
            self.do(ask("turn.steer", {"turn_id": turn.turn_id, "prompt": "More"}, facts=Stored(None)))

    def prefer_route(self, number: int, transport: str) -> None:
        session_id = number_id("session", number)
        self.do(ask("session.update", {"transport": transport}, session_id=session_id, facts=PROFILE))

    def settle_harness(self, status: str) -> None:
        found = {"url": "http://127.0.0.1:8317", "status": status, "source": "interval"}
        self.do(ask("harness.settle", found | ({} if status == "healthy" else {"fault": "refused"})))

    def touch_constraint(self, number: int, verb: str, default: bool) -> None:
        constraint_id = number_id("constraint", number)
        values: dict[str, dict[str, Any]] = {
            "create": {"constraint_id": constraint_id, "name": f"limits {number}", "is_default": default},
            "update": {"constraint_id": constraint_id, "name": f"limits {number}", "is_default": default},
            "delete": {"constraint_id": constraint_id},
        }
        self.do(ask(f"constraint.{verb}", values[verb], workspace_id=number_id("workspace", 1)))

    def limit_lane(self, number: int, constraint: str) -> None:
        self.do(ask("lane.update", {"constraint": constraint}, lane_id=number_id("lane", number), facts=PROFILE))

    def halt_turn(self, number: int) -> None:
        turn = pick(number, list(self.kernel.state.all("turn")))
        if turn is not None:
            problem = {"code": "LIMIT_REACHED", "message": "60 s", "details": {"limit": "time_limit_ms"}}
            self.do(ask("turn.halt", {"turn_id": turn.turn_id, "problem": problem}, actor="server"))

    def stop_all(self, profile: str | None, correlation_id: str | None) -> None:
        payload = {"profile": profile} if profile else {}
        self.do(ask("agent.stop_all", payload, correlation_id=correlation_id))

    def settle_stop(self, index: int) -> None:
        """What an emergency stop does before it is over."""
        stop = pick(index, list(self.kernel.state.all("stop")))
        if stop is not None:
            for lane_id in stop.lane_ids:
                self.empty_lane(lane_id)
            self.do(ask("stop.settle", {"stop_id": stop.stop_id}, actor="server"))

    def prompt_all(self, lane: int, priority: int) -> None:
        payload = {"prompt": "Go", "priority": priority}
        self.do(ask("prompt.create", payload, lane_id=number_id("lane", lane), facts={PROFILE.name: PROFILE}))

    def set_rules(self, number: int, mode: str, effect: str) -> None:
        payload = {"permission_mode": mode, "rules": {"list": [{"effect": effect, "title": "Run"}]}}
        self.do(ask("lane.update", payload, lane_id=number_id("lane", number), facts=PROFILE))

    def revoke_grant(self, index: int) -> None:
        grant = pick(index, list(self.kernel.state.all("grant")))
        if grant is not None:
            self.do(ask("grant.revoke", {"grant_id": grant.grant_id}))

    def decide(self, index: int, kind: str | None, scope: str | None = None) -> None:
        known = list(self.kernel.state.all("approval"))
        pending = [each for each in known if each.status == "pending"]
        approval = pick(index, pending if pending and index % 4 else known)
        id = approval.approval_id if approval is not None else number_id("approval", index)
        verb, choice = (
            ("expire", {}) if kind is None else ("resolve", {"kind": kind, **({"scope": scope} if scope else {})})
        )
        self.do(ask(f"approval.{verb}", {"approval_id": id, **choice}, facts=self.see("approval", id)))

    def spawn_terminal(self, session: int, inside: bool, number: int, correlation_id: str | None) -> None:
        known = self.kernel.state.get("session", number_id("session", session))
        if known is None:
            return
        self.do(
            ask(
                "terminal.spawn",
                {"terminal_id": number_id("terminal", number)},
                lane_id=known.lane_id,
                session_id=known.session_id if inside else None,
                facts=Shell(("/bin/sh",), "/lanes", None),
                correlation_id=correlation_id,
            )
        )

    def touch_terminal(self, number: int, verb: str) -> None:
        terminal = pick(number, list(self.kernel.state.all("terminal")))
        if terminal is not None:
            self.do(ask(f"terminal.{verb}", terminal_id=terminal.terminal_id))

    def switch_renderer(self, index: int, whole: bool, mode: str, works: bool) -> None:
        terminal = pick(index, list(self.kernel.state.all("terminal")))
        seen = RendererSeen(None if works else "the emulator is not installed")
        place = {"terminal_id": terminal.terminal_id} if terminal is not None and not whole else {}
        workspace_id = number_id("workspace", 1)
        self.do(ask("renderer.switch", {"mode": mode}, workspace_id=workspace_id, **place, facts=seen))

    # What effects and runners report.

    def settle_lane(self, index: int, problem: dict[str, str] | None) -> None:
        lane = pick(index, [lane for lane in self.kernel.state.all("lane") if lane.operation is not None])
        if lane is None:
            return
        if lane.operation.kind == "cleanup":
            self.empty_lane(lane.lane_id)
        payload = {"kind": lane.operation.kind, **({"problem": problem} if problem else {})}
        self.do(ask("lane.settle", payload, lane_id=lane.lane_id, correlation_id=lane.operation.correlation_id))

    def empty_lane(self, lane_id: str) -> None:
        """What a cleanup does before it removes a worktree."""
        for process in list(self.kernel.state.children("process", lane_id)):
            self.do(ask("process.exit", {"process_id": process.process_id, "signal": "SIGKILL"}, actor="server"))
        for terminal in list(self.kernel.state.children("terminal", lane_id)):
            self.do(ask("terminal.settle", {"problem": PROBLEM}, terminal_id=terminal.terminal_id))
        for session in list(self.kernel.state.children("session", lane_id)):
            payload = {"process_id": session.process_id or number_id("process", 1), "problem": PROBLEM}
            self.do(ask("session.settle", payload, session_id=session.session_id))

    def attach_agent(self, index: int, works: bool) -> None:
        session = pick(index, [one for one in self.kernel.state.all("session") if one.status == "attaching"])
        if session is None:
            return
        settled: dict[str, Any] = {"process_id": session.process_id}
        if not works:
            self.do(ask("session.settle", {**settled, "problem": PROBLEM}, session_id=session.session_id))
            return
        settled |= {"agent_session_id": "a", "resumable": True, "cursor": {"rest": 1, "applied": 1}}
        settled["offer"] = {"steer": True}
        started = {"process_id": session.process_id, "run_reason": "agent", "argv": ["a"], "cwd": "/", "pid": 1}
        self.do(
            ask("process.start", started, lane_id=session.lane_id, session_id=session.session_id),
            ask("session.settle", settled, session_id=session.session_id),
        )

    def stop_without_process(self, index: int) -> None:
        state = self.kernel.state
        stopping = [one for one in state.all("session") if one.operation is not None and one.operation.kind != "attach"]
        session = pick(index, [one for one in stopping if state.get("process", one.process_id) is None])
        if session is None:
            return
        payload = {"process_id": session.process_id, "problem": PROBLEM}
        self.do(ask("session.settle", payload, session_id=session.session_id))

    def settle_renderer(self, index: int, problem: dict[str, str] | None) -> None:
        switch = pick(index, [one for one in self.kernel.state.all("renderer") if one.operation is not None])
        if switch is not None:
            settled = {"switch_id": switch.switch_id, **({"problem": problem} if problem else {})}
            self.do(ask("renderer.settle", settled))

    def report_terminal(self, index: int, works: bool) -> None:
        terminal = pick(index, [one for one in self.kernel.state.all("terminal") if one.state == "spawning"])
        if terminal is not None:
            settled = {"pid": 1} if works else {"problem": PROBLEM}
            self.do(ask("terminal.settle", settled, terminal_id=terminal.terminal_id))

    def throttle(self, index: int, throttled: bool) -> None:
        terminal = pick(index, list(self.kernel.state.all("terminal")))
        if terminal is not None:
            self.do(ask("terminal.throttle", {"on": throttled}, terminal_id=terminal.terminal_id))

    def exit_process(self, index: int, code: int | None) -> None:
        process = pick(index, list(self.kernel.state.all("process")))
        if process is not None:
            how = {"signal": "SIGKILL"} if code is None else {"exit_code": code}
            self.do(ask("process.exit", {"process_id": process.process_id, **how}, actor="server"))

    # What drivers report.

    def step_driver(
        self,
        index: int,
        late: bool,
        fresh: Sequence[str],
        closed: Sequence[str],
        approvals: int,
        answered: bool,
        end: str | None,
    ) -> None:
        state = self.kernel.state
        turn = pick(index, [one for one in state.all("turn") if one.status in ("running", "waiting")])
        if turn is None:
            return
        place = {name: getattr(turn, name) for name in ("workspace_id", "lane_id", "session_id", "turn_id")}
        if late:
            place["turn_id"] = number_id("turn", index % (self.made + 1))
        items = [self.make_item(place, self.number(), status) for status in fresh]
        for item, status in zip(list(state.children("item", turn.turn_id)), closed, strict=False):
            items.append({**msgspec.to_builtins(item), "status": status})
        told = list(state.children("approval", turn.session_id)) if answered else []
        n = self.number()
        progress = {"turn_id": turn.turn_id, **({"status": end} if end else {"usage": {"total_tokens": n}})}
        if answered:
            progress["steered"] = [{"number": steer.number, "input_n": n} for steer in turn.steers[:1]]
        payload: dict[str, Any] = {
            "process_id": turn.process_id,
            "cursor": {"rest": n, "applied": n},
            "items": items,
            "approvals": [self.make_approval(place, turn.process_id, self.number()) for _ in range(approvals)],
            "answered": [{"approval_id": approval.approval_id, "answer_n": n} for approval in told],
            "turn": progress,
            "writes": [{"n": n, "data": "{}"}],
        }
        (outcome,) = self.do(ask("session.apply", payload, session_id=turn.session_id, actor="agent/demo"))
        assert not isinstance(outcome, Refusal), "what a driver saw of its agent is always taken"

    @staticmethod
    def make_item(place: dict[str, str], number: int, status: str) -> dict[str, Any]:
        id = number_id("item", number)
        return {**place, "item_id": id, "kind": "message", "status": status, "position": number, "created_at": AT}

    @staticmethod
    def make_approval(place: dict[str, str], process_id: str, number: int) -> dict[str, Any]:
        return {
            **place,
            "approval_id": number_id("approval", number),
            "process_id": process_id,
            "request_id": "1",
            "status": "pending",
            "title": "Run",
            "options": [
                {"option_id": "y", "label": "Y", "kind": "allow_once"},
                {"option_id": "n", "label": "N", "kind": "reject_once"},
            ],
            "requested_at": AT,
            "expires_at": AT,
        }

    # What disks do.

    def lose_a_commit(self, number: int) -> None:
        self.store.faults = {self.store.commits + 1: Fault.REFUSED}
        session_id = number_id("session", number)
        self.do(
            ask("turn.create", {"prompt": "lost"}, session_id=session_id, facts=PROFILE),
            ask("session.update", {"title": "lost"}, session_id=session_id),
        )
        self.do(ask("workspace.open", workspace_id=number_id("workspace", 1)))
        self.store.faults = {}
