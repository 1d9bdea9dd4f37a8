"""What programs print: colours, words and some letters beyond ASCII."""

from __future__ import annotations

import itertools
from pathlib import Path

_WORDS = ("build", "passed", "warning:", "src/main.rs", "naïve", "— done", "✓", "42", "error[E0308]", "über")


def write_text(path: Path, megabytes: float) -> int:
    """Writes a file of coloured lines; returns its size in bytes."""
    words = itertools.cycle(_WORDS)
    lines = []
    for number in range(997):
        colour = 31 + number % 6
        said = " ".join(itertools.islice(words, 8))
        lines.append(f"\x1b[{colour}m{number:4d}\x1b[0m {said}\n")
    block = "".join(lines).encode()
    size = 0
    with path.open("wb") as file:
        while size < megabytes * 1e6:
            size += file.write(block)
    return size
