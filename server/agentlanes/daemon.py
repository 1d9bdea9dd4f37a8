"""What the relay starts where no server runs: `python -m agentlanes.daemon`, the server without the command line."""

import gc
import sys

# Hardly anything that imports make is garbage, and looking for it takes a tenth of the server's start.
gc.disable()

from agentlanes.serve import run_server  # noqa: E402 - what it imports is what takes so long

if __name__ == "__main__":
    sys.exit(run_server())
