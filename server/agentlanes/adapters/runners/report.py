"""Reading what runners and journals say of a process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from msgspec.structs import asdict

from agentlanes.kernel.ports.runners import (
    Breach,
    Exit,
    ProcessReport,
    ProcessState,
    SpawnPlan,
    Stream,
    StreamReport,
    Swept,
    TerminalSize,
)
from agentlanes.runner.tape import Reader

STREAMS: tuple[Stream, ...] = get_args(Stream)


def decode_report(lane_id: str, tapes_dir: Path, fields: Mapping[str, Any]) -> ProcessReport:
    """A report of a living runner, or of a journal, which knows no streams: then the tapes say how far they go."""
    process_id: str = fields["process_id"]
    state = ProcessState(fields["state"])
    cols, rows = fields.get("cols"), fields.get("rows")
    if "streams" in fields:
        streams = {cast(Stream, name): StreamReport(**stream) for name, stream in fields["streams"].items()}
    else:
        streams = read_streams(tapes_dir, process_id, is_open=state is ProcessState.RUNNING)
    return ProcessReport(
        lane_id=lane_id,
        process_id=process_id,
        pid=fields["pid"],
        state=state,
        exit=Exit(fields["exit_code"], fields["signal"]) if state is ProcessState.EXITED else None,
        streams=streams,
        last_n=fields["last_n"],
        size=TerminalSize(cols, rows) if cols is not None and rows is not None else None,
        throttled=fields.get("throttled", False),
        stopping=fields.get("stopping", False),
        sweeping=bool(fields.get("sweeping")),
        swept=Swept(process_id, swept["killed"], tuple(swept["left"])) if (swept := fields.get("swept")) else None,
        spawned_at=fields["spawned_at"],
        exited_at=fields["exited_at"],
        breach=decode_breach(fields),
        limited=bool(fields.get("limited")),
    )


def decode_breach(fields: Mapping[str, Any]) -> Breach | None:
    """The limit for which a runner ended a process. A runner of an older version knows of none."""
    told = fields.get("breach")
    return Breach(told["limit"], told["value"], told["used"], told.get("window_ms")) if told else None


def read_streams(tapes_dir: Path, process_id: str, *, is_open: bool) -> dict[Stream, StreamReport]:
    """What the tapes of a process hold."""
    streams: dict[Stream, StreamReport] = {}
    for name in STREAMS:
        folder = tapes_dir / process_id / name
        if folder.is_dir():
            with Reader(str(folder)) as reader:
                start, end = reader.span()
            streams[name] = StreamReport(start, end, open=is_open)
    return streams


def encode_plan(plan: SpawnPlan) -> dict[str, object]:
    return {
        "process_id": plan.process_id,
        "argv": plan.argv,
        "cwd": plan.cwd,
        "env": dict(plan.env),
        "pty": asdict(plan.size) if plan.size is not None else None,
        "sweep_on_exit": plan.sweep_on_exit,
        "tapes": {name: asdict(limit) for name, limit in plan.tapes.items()},
        "limits": asdict(plan.limits),
    }
