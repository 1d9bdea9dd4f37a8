"""Emacs as it comes: eglot with one line of configuration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.place import Place
from editors.terminal import Terminal, start_terminal

ROOT = Path(__file__).parents[3]
EMACS = ROOT / ".cache" / "plain-editors" / "bin" / "emacs"

pytestmark = pytest.mark.plain_editors
INIT = """\
(require 'eglot)
(add-to-list 'auto-mode-alist '("\\\\.md\\\\'" . text-mode))
(add-to-list 'eglot-server-programs '(text-mode . ("agentlanes" "stdio")))
(add-hook 'text-mode-hook 'eglot-ensure)
(global-auto-revert-mode 1)
;; What follows is for the test alone: no compiler, no splash, menus that a reader of the screen can see.
(setq native-comp-jit-compilation nil make-backup-files nil inhibit-startup-screen t auto-revert-verbose nil)
(setq auto-revert-use-notify nil auto-revert-interval 1)
(menu-bar-mode -1)
(fido-vertical-mode 1)
"""


@contextlib.contextmanager
def open_emacs(place: Place, *files: str) -> Iterator[Terminal]:
    """Emacs in the repository."""
    init = place.folder / "init.el"
    init.write_text(INIT)
    command = [str(EMACS), "-Q", "-l", str(init), *files]
    with start_terminal(place.folder / "tmux", command, place.env, place.folder / "repo") as emacs:
        yield emacs


def act(emacs: Terminal, title: str) -> None:
    """Chooses the code action that begins with this."""
    emacs.type("M-x")
    emacs.wait("M-x")
    emacs.type("eglot-code-actions", "Enter")
    emacs.wait("Pick an action", title)
    emacs.tmux("send-keys", "-t", "main", "-l", title)
    # A long line goes on in the next one, behind a backslash.
    emacs.wait_until(lambda shown: f": {title}" in shown.replace("\\\n", ""), f"typed {title}")
    emacs.type("Enter")


def test_a_lane_from_a_todo_to_the_merge(place: Place) -> None:
    with open_emacs(place, "README.md") as emacs:
        emacs.wait("TODO: say hello", "Connected!")
        emacs.type("C-n", "C-n")
        act(emacs, "Start a lane for: TODO")
        # The approval is a question in the minibuffer, whose answers are the agent's own.
        emacs.wait("Write README.md", "Always allow edits in this session")
        emacs.photograph("emacs-approval", "emacs")
        emacs.type("Enter")
        emacs.wait("Done: I extended README.md")
        act(emacs, "Show what lane")
        emacs.wait("diff --git a/README.md", "+++ b/README.md")
        emacs.photograph("emacs-changes", "emacs")
        emacs.type("C-x", "1")
        emacs.type("C-x", "b")
        emacs.type("README.md", "Enter")
        emacs.wait("TODO: say hello to the reader")
        act(emacs, "Merge lane")
        emacs.wait("merged into main")
        written = place.git("show", "main:README.md", cwd=place.folder / "repo")
        # The buffer follows the file by itself.
        emacs.wait(written.splitlines()[-1][:60])
