"""Why an agent's process ended, for people."""

from __future__ import annotations

from collections.abc import Mapping

from agentlanes.kernel.ports.runners import Runners
from agentlanes.wire.models import Problem, ProcessExit

STDERR_TAIL = 2000
"""Bytes of its standard error that are shown."""


def explain_exit(exit: ProcessExit, details: Mapping[str, str]) -> Problem:
    """What is told of an end that nobody wanted."""
    how = f"was ended by {exit.signal}" if exit.signal else f"ended with exit code {exit.exit_code}"
    return Problem(
        code="AGENT_EXITED",
        message=f"the agent {how}; session.attach starts it again",
        details={"exit_code": exit.exit_code, "signal": exit.signal, **details},
    )


def read_stderr(runners: Runners, process_id: str) -> dict[str, str]:
    """The end of what it printed to its standard error; nothing where there is none."""
    tape = runners.tape(process_id, "err")
    try:
        start, end = tape.span()
        chunk = tape.read(max(start, end - STDERR_TAIL), STDERR_TAIL)
    except OSError:
        return {}
    finally:
        tape.close()
    return {"stderr": chunk.data.decode(errors="replace")} if chunk.data else {}
