"""`make bench`: measures every goal beside its peer and prints one table.

    make bench ARGS="--quick"            a tenth of the size, to see that everything works
    make bench ARGS="--only queries"     one benchmark; may be given more than once

Read the ratios: a busy machine moves both sides. The exit code is 0 where goals are missed, because the table informs,
and 1 where something could not be measured.
"""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.rounds import FULL, QUICK, Scale
from bench.table import Row, write_table

BENCHMARKS = (
    "start",
    "queries",
    "notifications",
    "commands",
    "output",
    "echo",
    "replay",
    "recovery",
    "footprint",
    "lanes",
    "agents",
    "updates",
    "sessions",
)
"""Modules of this package; each has `measure`."""


def main() -> int:
    """Measures what was asked for, and prints the table."""
    arguments = _parse()
    # Who is told to end still ends what it started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    scale = QUICK if arguments.quick else FULL
    rows: list[Row] = []
    failed: list[str] = []
    for name in arguments.only or BENCHMARKS:
        load = os.getloadavg()[0]
        began = time.monotonic()
        print(f"{name} (load {load:.1f})", end="", file=sys.stderr, flush=True)
        try:
            measure: Callable[[Scale], Iterator[Row]] = import_module(f"bench.{name}").measure
            rows += measure(scale)
        except Exception:
            failed.append(name)
            print(file=sys.stderr)
            traceback.print_exc()
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(write_table(rows))
    if arguments.json:
        report = {
            "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
            "quick": arguments.quick,
            "rows": [row.describe() for row in rows],
            "failed": failed,
        }
        arguments.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
