"""Where the paths lead that an agent asks about: symlinks are resolved when it asks, for the policy to judge by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from agentlanes.core import policy
from agentlanes.core.world import PathsSeen
from agentlanes.wire.models import Approval


def see_paths(approvals: Iterable[Approval], cwd: str, roots: Sequence[str]) -> PathsSeen:
    """The real places of every path that the approvals name. What cannot be one is left out, and so lies nowhere."""
    real: dict[str, str] = {}
    for approval in approvals:
        for path in policy.list_paths(approval.preview):
            try:
                real[path] = os.path.realpath(Path(cwd, path))
            except (OSError, ValueError):
                continue
    return PathsSeen(real, tuple(os.path.realpath(root) for root in roots))
