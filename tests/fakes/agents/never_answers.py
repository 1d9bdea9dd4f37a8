"""Takes everything in and never says a word; ends with its input."""

from __future__ import annotations

import sys

sys.stdin.buffer.read()
