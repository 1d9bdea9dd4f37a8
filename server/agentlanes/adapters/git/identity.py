"""Who commits are by."""

from __future__ import annotations

import re

from agentlanes.core.facts import Identity
from agentlanes.kernel.ports.git import GitRefusal, RefusalCode

_FORBIDDEN = re.compile("[<>\n\r\0\ud800-\udfff]")


def is_usable(identity: Identity) -> bool:
    """Whether a commit can bear it."""
    return all(part.strip(" .,:;'\"\\") and not _FORBIDDEN.search(part) for part in (identity.name, identity.email))


def check_identity(identity: Identity) -> None:
    """Refuses one that a commit cannot bear."""
    if not is_usable(identity):
        raise GitRefusal(
            RefusalCode.INVALID_IDENTITY,
            f"a commit cannot be by {identity.name!r} <{identity.email}>; "
            "name and email need a letter each and no `<`, `>` or line break",
            {"name": identity.name, "email": identity.email},
        )
