"""Writes what is derived from protocol/v1: the Python models, the tables, the bundled schema, the reference,
and what the editors read.

    python protocol/generate.py            write the files
    python protocol/generate.py --check    fail, naming the cure, if a file is not what would be written

Standard library and jsonschema only, so that it runs before anything of ours is installed.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from noun_files import SOURCE, Model, read
from targets.lua import write_lua_tables, write_lua_types
from targets.markdown import write_reference
from targets.python import write_bundle, write_models, write_table
from targets.typescript import write_typescript

ROOT = Path(__file__).resolve().parent.parent
WIRE = ROOT / "server" / "agentlanes" / "wire"
VSCODE = ROOT / "editors" / "vscode" / "src"
NEOVIM = ROOT / "editors" / "neovim" / "lua" / "agentlanes"
CURE = "run `python protocol/generate.py` and commit what it writes"


def outputs(model: Model) -> dict[Path, str]:
    """Every file that is derived, with its text."""
    return {
        WIRE / "__init__.py": '"""The protocol as Python sees it. Written by protocol/generate.py; do not edit."""\n',
        WIRE / "models.py": write_models(model),
        WIRE / "table.py": write_table(model),
        WIRE / "protocol.json": write_bundle(model),
        SOURCE / "README.md": write_reference(model),
        NEOVIM / "protocol.lua": write_lua_tables(model),
        NEOVIM / "meta.lua": write_lua_types(model),
        VSCODE / "protocol.ts": write_typescript(model),
    }


def compare(files: dict[Path, str]) -> list[str]:
    """A unified diff for every file that is not what would be written."""
    differences = []
    for path, text in files.items():
        found = path.read_text() if path.exists() else ""
        if found != text:
            name = str(path.relative_to(ROOT))
            lines = difflib.unified_diff(found.splitlines(), text.splitlines(), name, "as derived", lineterm="", n=1)
            differences.append("\n".join(list(lines)[:40]))
    return differences


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes what is derived from protocol/v1.")
    parser.add_argument("--check", action="store_true", help="fail if a file is not what would be written")
    files = outputs(read())
    if parser.parse_args().check:
        differences = compare(files)
        if differences:
            print("\n".join(differences), f"\nDerived files are not fresh: {CURE}.", sep="\n", file=sys.stderr)
            return 1
        return 0
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
