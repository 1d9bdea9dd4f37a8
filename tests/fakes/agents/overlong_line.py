"""Begins a line and never ends it: `overlong_line.py [bytes]`, 65 MiB where nothing is said."""

from __future__ import annotations

import sys

size = int(sys.argv[1]) if len(sys.argv) > 1 else 65 << 20
sys.stdout.buffer.write(b'{"jsonrpc":"2.0","method":"session/update","params":"')
while size > 0:
    sys.stdout.buffer.write(b"x" * min(size, 1 << 20))
    size -= 1 << 20
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
