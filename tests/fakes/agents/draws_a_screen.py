"""A program of the terminal that draws: it takes pastes, shows a spinner that it draws over, and an answer below it."""

from __future__ import annotations

import itertools
import os
import sys
import termios
import time
import tty


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def read_paste() -> str:
    """What is pasted, once Enter comes after it as a key of its own."""
    seen = b""
    while not seen.endswith(b"\x1b[201~"):
        seen += os.read(0, 1)
    while os.read(0, 1) != b"\r":
        pass
    return seen.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~").decode()


def main() -> None:
    tty.setraw(0, termios.TCSANOW)
    write("\x1b]0;idle\x07\x1b[?2004h\x1b[1;32mready\x1b[0m\r\n> ")
    for number in itertools.count(1):
        text = read_paste()
        write("\x1b]9;4;3\x07\r\n")
        for turn in range(30):
            write(f"\x1b[2K\r{'|/-'[turn % 3]} working {turn}\r\nline {turn % 2}\x1b[1A")
            time.sleep(0.005)
        write(f"\x1b[2K\r* answer {number} to {text!r}\r\n\x1b[2K\x1b]9;4;0\x07> ")


if __name__ == "__main__":
    main()
