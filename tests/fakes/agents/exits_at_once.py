"""Says on its output that it cannot run, and exits: `exits_at_once.py [exit code]`."""

from __future__ import annotations

import sys

sys.stdout.write("this agent is no longer maintained; install its successor\n")
sys.stderr.write("fatal: no configuration\n")
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
