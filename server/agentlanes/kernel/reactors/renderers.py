"""The effect of a switch of the renderer mode: every terminal that it is about is rendered once, or its bytes are
found, before anything changes. So a switch that fails has changed nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agentlanes.core.renderer import RENDERED
from agentlanes.kernel.kernel import Kernel
from agentlanes.kernel.ports.renderers import RendererError, Renderers
from agentlanes.kernel.ports.runners import Runners
from agentlanes.kernel.reactors.engine import Effect, GiveUp
from agentlanes.wire.models import Problem, RendererSettle, RendererSwitch, Terminal

TRY_SECONDS = 60.0
"""How long a terminal may take to be rendered; 64 MiB of output take a busy machine some seconds."""


class Switches:
    """Switches of the renderer mode that are under way."""

    def __init__(self, kernel: Kernel, renderers: Renderers, runners: Runners) -> None:
        self._kernel = kernel
        self._renderers = renderers
        self._runners = runners

    def effects(self) -> dict[tuple[str, str], Effect]:
        """What the engine runs."""
        return {("renderer", "switch"): self._switch}

    def give_ups(self) -> dict[tuple[str, str], GiveUp]:
        """How the engine ends what is refused for good."""
        return {("renderer", "switch"): self._settle}

    async def _switch(self, switch: RendererSwitch) -> None:
        problem: Problem | None = None
        for terminal in self._find_terminals(switch):
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    await self._prove(switch, terminal)
            except TimeoutError:
                problem = _tell(terminal, f"it took longer than {TRY_SECONDS:.0f} s")
            except RendererError as error:
                problem = _tell(terminal, str(error))
            if problem is not None:
                break
        await self._settle(switch, problem)

    def _find_terminals(self, switch: RendererSwitch) -> Iterable[Terminal]:
        """The terminals that are handed out in another way after it. A workspace's switch leaves out those with a mode
        of their own, and those that ended meanwhile."""
        for terminal in list(self._kernel.state.all("terminal")):
            if switch.terminal_id is not None:
                if terminal.terminal_id == switch.terminal_id:
                    yield terminal
            elif (
                terminal.workspace_id == switch.workspace_id
                and terminal.active_renderer_mode is None
                and terminal.state in ("active", "throttled")
            ):
                yield terminal

    async def _prove(self, switch: RendererSwitch, terminal: Terminal) -> None:
        """That the terminal can be handed out in the new mode. Raises RendererError."""
        if switch.to_mode != RENDERED:
            tape = self._runners.tape(terminal.process_id, "pty")
            try:
                if not (tape.marks() or tape.span()[1]):
                    raise RendererError("its tape is gone")
            except OSError as error:
                raise RendererError(f"its tape cannot be read: {error}") from error
            finally:
                tape.close()
            return
        watch = self._renderers.watch(terminal.process_id, lambda: None)
        try:
            await watch.ready()
        finally:
            watch.close()

    async def _settle(self, switch: RendererSwitch, problem: Problem | None) -> None:
        assert switch.operation is not None
        await self._kernel.perform(
            "renderer.settle",
            RendererSettle(switch_id=switch.switch_id, problem=problem),
            correlation_id=switch.operation.correlation_id,
        )


def _tell(terminal: Terminal, reason: str) -> Problem:
    return Problem(
        code="RENDERER_SWITCH_FAILED",
        message=f"terminal {terminal.title} cannot be handed out in the other mode: {reason}; everything is as it was",
        details={"terminal_id": terminal.terminal_id, "reason": reason},
    )
