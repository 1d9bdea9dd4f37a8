"""What is known of the processes of one runner, by what it told and by what its journal tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from agentlanes.adapters.runners.connection import Fields
from agentlanes.adapters.runners.report import decode_breach, decode_report
from agentlanes.kernel.ports.runners import (
    Exit,
    Exited,
    Grew,
    ProcessReport,
    ProcessState,
    RunnerEvent,
    Stalled,
    Swept,
    Throttled,
)


class Processes:
    """The newest report of each process. What changes is published."""

    def __init__(self, lane_id: str, tapes_dir: Path, publish: Callable[[RunnerEvent], None]) -> None:
        self.reports: dict[str, ProcessReport] = {}
        self._lane_id = lane_id
        self._tapes_dir = tapes_dir
        self._publish = publish
        self._news = asyncio.Event()
        """Set, and replaced, when a report changes or none will change any more."""

    def decode(self, fields: Fields) -> ProcessReport:
        """What a runner says of a process."""
        return decode_report(self._lane_id, self._tapes_dir, fields)

    def decode_all(self, told: Mapping[str, Fields]) -> list[ProcessReport]:
        """What a journal says of processes."""
        return [self.decode({"process_id": process_id, **fields}) for process_id, fields in told.items()]

    def is_running(self, process_id: str) -> bool:
        """As far as it is known."""
        known = self.reports.get(process_id)
        return known is not None and known.state is ProcessState.RUNNING

    def forget(self, process_id: str) -> None:
        """Nobody asks about the process any more."""
        self.reports.pop(process_id, None)
        self.tell_news()

    async def wait_for_news(self) -> None:
        """Return when a report has changed, or when there is something else to look at."""
        await self._news.wait()

    def tell_news(self) -> None:
        """Wake whoever waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    def adopt(self, reports: list[ProcessReport]) -> None:
        """Take what the runner says, and tell what it could not tell while we were away."""
        for report in reports:
            before = self.reports.get(report.process_id)
            self.reports[report.process_id] = report
            if before is None:
                continue
            for stream, now in report.streams.items():
                then = before.streams.get(stream)
                if then is None or now.end > then.end:
                    self._publish(Grew(report.process_id, stream, now.end))
                if then is not None and now.stalled != then.stalled:
                    self._publish(Stalled(report.process_id, stream, now.stalled))
            if report.throttled != before.throttled:
                self._publish(Throttled(report.process_id, report.throttled, "byte_budget"))
            if before.state is ProcessState.RUNNING and report.exit is not None:
                ends = {stream: now.end for stream, now in report.streams.items()}
                self._publish(Exited(report.process_id, report.exit, ends, report.breach))
            if report.swept is not None and before.swept is None:
                self._publish(report.swept)
        self.tell_news()

    def hear(self, event: Fields) -> None:
        """Take an event of the runner, and tell it. One about a process that is not known says nothing."""
        kind = event["ev"]
        process_id = event["process_id"]
        report = self.reports.get(process_id)
        if report is None:
            return
        if kind == "grew":
            stream = event["stream"]
            streams = {**report.streams, stream: replace(report.streams[stream], end=event["end"])}
            self.reports[process_id] = replace(report, streams=streams)
            self._publish(Grew(process_id, stream, event["end"]))
        elif kind == "exited":
            self._hear_exit(report, event)
        elif kind == "swept":
            self.hear_sweep(report, Swept(process_id, event["killed"], tuple(event["left"])))
        elif kind == "throttled":
            self.reports[process_id] = replace(report, throttled=event["on"])
            self._publish(Throttled(process_id, event["on"], event["reason"]))
        elif kind in ("stalled", "resumed"):
            stream = event["stream"]
            streams = {**report.streams, stream: replace(report.streams[stream], stalled=event["reason"])}
            self.reports[process_id] = replace(report, streams=streams)
            self._publish(Stalled(process_id, stream, event["reason"]))

    def hear_sweep(self, report: ProcessReport, swept: Swept) -> None:
        """What a process left behind is gone, or would not die."""
        self.reports[report.process_id] = replace(report, sweeping=False, swept=swept)
        self._publish(swept)
        self.tell_news()

    def _hear_exit(self, report: ProcessReport, event: Fields) -> None:
        outcome = Exit(event["exit_code"], event["signal"])
        ends = event["ends"]
        self.reports[report.process_id] = replace(
            report,
            state=ProcessState.EXITED,
            exit=outcome,
            exited_at=event["exited_at"],
            sweeping=event["sweeping"],
            breach=decode_breach(event),
            streams={stream: replace(then, end=ends[stream]) for stream, then in report.streams.items()},
        )
        self._publish(Exited(report.process_id, outcome, ends, decode_breach(event)))
        self.tell_news()
