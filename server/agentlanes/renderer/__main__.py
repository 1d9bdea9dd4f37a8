"""`python -m agentlanes.renderer`: requests on stdin, screens on stdout, until stdin ends."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource

NICENESS = 10
"""Programs and the server go first."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="agentlanes-renderer")
    parser.add_argument("--memory-mb", type=int, required=True)
    arguments = parser.parse_args()
    with contextlib.suppress(ValueError, OSError):
        limit = arguments.memory_mb << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    # What the library may print must not come between the frames.
    out = os.dup(1)
    os.dup2(2, 1)
    from agentlanes.renderer.service import Service

    with contextlib.suppress(BrokenPipeError):
        Service(0, out).run()


if __name__ == "__main__":
    main()
