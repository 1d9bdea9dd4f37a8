"""`python -m agentlanes.runner`: start the runner of a lane and return once its socket answers.

Exits with 0 if the lane has a runner now, also if it is one that was there before. On any other status stderr says why.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time

from agentlanes.runner.daemon import Signals, become_reaper, close_inherited, detach, raise_open_files, settle_memory
from agentlanes.runner.journal import Journal, JournalBusyError, lock_journal
from agentlanes.runner.lane import Lane, Settings
from agentlanes.runner.link import Link, listen
from agentlanes.runner.loop import Loop
from agentlanes.runner.service import Service
from agentlanes.runner.table import shed_mark

USAGE = """usage: python -m agentlanes.runner --lane ID --socket PATH --home DIR --journal PATH [--log PATH]
                                    [--linger-ms N]

  --lane       id of the lane whose processes it holds
  --socket     unix socket to listen on, at most 100 bytes
  --home       folder of the tapes
  --journal    file that tells how every process ended; its lock says that the runner lives
  --log        where its own errors go (default: the journal's path with .log)
  --linger-ms  how long it stays after its last process has ended (default: 2000)"""

REQUIRED = ("lane", "socket", "home", "journal")
LONGEST_SOCKET = 100
PREVIOUS_ENDS_WITHIN = 30.0
"""Seconds that a previous runner, which takes no connection any more, may need to end."""
TERMINATION_GRACE = 3.0


def read_options(arguments: list[str]) -> dict[str, str]:
    """Raises ValueError with a text for people."""
    options = {"linger-ms": "2000"}
    words = iter(arguments)
    for word in words:
        name = word.removeprefix("--")
        value = next(words, None)
        if word == name or name not in (*REQUIRED, "log", "linger-ms") or value is None:
            raise ValueError(f"unknown or incomplete option {word}")
        options[name] = value
    missing = [f"--{name}" for name in REQUIRED if not options.get(name)]
    if missing:
        raise ValueError(f"missing {', '.join(missing)}")
    if len(os.fsencode(options["socket"])) > LONGEST_SOCKET:
        raise ValueError(f"--socket is longer than {LONGEST_SOCKET} bytes")
    if not options["linger-ms"].isdigit():
        raise ValueError("--linger-ms must be a whole number")
    for name in ("socket", "home", "journal"):
        if not os.path.isabs(options[name]):
            raise ValueError(f"--{name} must be an absolute path")
    options.setdefault("log", f"{options['journal']}.log")
    return options


def is_answered(path: str) -> bool:
    """Whether somebody listens there. A runner takes a connection for a server only once it has said hello."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def acquire_journal(options: dict[str, str]) -> int | None:
    """The locked journal, or None if a runner lives that takes connections."""
    deadline = time.monotonic() + PREVIOUS_ENDS_WITHIN
    while True:
        try:
            return lock_journal(options["journal"], create=True)
        except JournalBusyError:
            if is_answered(options["socket"]):
                return None
            if time.monotonic() > deadline:
                raise TimeoutError("the previous runner neither answers nor ends") from None
            time.sleep(0.01)


def main() -> int:
    try:
        options = read_options(sys.argv[1:])
    except ValueError as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    close_inherited()
    try:
        fd = acquire_journal(options)
        if fd is None:
            return 0
        os.makedirs(options["home"], mode=0o700, exist_ok=True)
        journal = Journal(fd, options["journal"])
        listener = listen(options["socket"])
        detach(options["log"])
    except OSError as error:
        sys.stderr.write(f"the runner cannot start: {error}\n")
        return 1
    become_reaper()
    shed_mark()
    open_files = raise_open_files()
    umask = os.umask(0o077)
    os.umask(umask)
    loop = Loop()
    settings = Settings(
        lane_id=options["lane"],
        socket_path=options["socket"],
        home=options["home"],
        journal_path=options["journal"],
        linger=int(options["linger-ms"]) / 1000,
        open_files=open_files,
        umask=umask,
    )
    link = Link(loop, listener)
    lane = Lane(loop, settings, link, journal)
    service = Service(lane)
    link.open(service.greet, service.serve)
    signals = Signals(loop, lane.reap, lambda: lane.shut_down(TERMINATION_GRACE))
    settle_memory()
    loop.run()
    signals.close()
    if os.fstat(2).st_size == 0:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(options["log"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
