"""Names and titles that come from elsewhere: the protocol's names have one line and at most 200 characters."""

from __future__ import annotations

import re

NAME_CAP = 200

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


def write_line(text: str | None, cap: int = NAME_CAP) -> str | None:
    """The text as one line, cut to the cap; None where nothing is left of it."""
    return _BLANKS.sub(" ", text or "").strip()[:cap].strip() or None
