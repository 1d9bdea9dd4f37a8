"""What ports refuse, in the protocol's words."""

from __future__ import annotations

from agentlanes.core.errors import Refusal
from agentlanes.kernel.ports.git import GitRefusal
from agentlanes.kernel.ports.renderers import RendererError
from agentlanes.kernel.ports.runners import RunnerError
from agentlanes.wire.table import ERRORS

_REPO_CODES = frozenset(
    {
        "NOT_A_REPOSITORY",
        "REPO_HAS_NO_COMMIT",
        "REPO_IS_BARE",
        "REPO_UNREADABLE",
        "PATH_NOT_FOUND",
        "PATH_NOT_ABSOLUTE",
        "PATH_IS_SYMLINK_LOOP",
        "GIT_MISSING",
        "GIT_TOO_OLD",
    }
)


def refuse_git(error: GitRefusal) -> Refusal:
    """A refusal of the git port. What the error table has no row for keeps its name as details.reason."""
    reason = str(error.code)
    details = dict(error.details)
    if reason == "OPERATION_IN_PROGRESS" or reason not in ERRORS:
        code = "REPO_REFUSED" if reason in _REPO_CODES else "GIT_FAILED"
        return Refusal(code, error.message, **{**details, "reason": reason})
    return Refusal(reason, error.message, **details)


def refuse_runner(error: RunnerError) -> Refusal:
    """A refusal of a runner, or of the way to it."""
    code = str(error.code)
    # Of a runner that lives nobody may say that it was lost, and what it held with it.
    named = code if code in ERRORS else "RUNNER_UNREACHABLE" if code.startswith("RUNNER") else "INPUT_REFUSED"
    return Refusal(named, error.message, **{**dict(error.details), "reason": code})


def refuse_renderer(error: RendererError) -> Refusal:
    """A refusal of the renderer."""
    return Refusal(
        "RENDERER_UNAVAILABLE", f"the screen cannot be rendered: {error}; terminal.read still gives its bytes"
    )
