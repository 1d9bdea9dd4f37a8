"""What is derived is fresh, and noun files that are wrong are refused with a line that says where."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from protocol.schemas import ROOT, SOURCE

sys.path.insert(0, str(ROOT / "protocol"))

import generate
import noun_files


def test_derived_files_are_fresh() -> None:
    differences = generate.compare(generate.outputs(noun_files.read()))
    assert not differences, f"{generate.CURE}\n" + "\n".join(differences)


def test_check_names_its_cure(tmp_path: Path) -> None:
    copy = tmp_path / "repo"
    shutil.copytree(ROOT / "protocol", copy / "protocol", ignore=shutil.ignore_patterns("cases", "examples"))
    wire = copy / "server" / "agentlanes" / "wire"
    for path in generate.outputs(noun_files.read()):
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(copy / "protocol" / "generate.py"), "--check"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert (check().returncode, check().stderr) == (0, "")
    (wire / "table.py").write_text((wire / "table.py").read_text().replace('"workspace.open"', '"workspace.opem"', 1))
    (wire / "models.py").unlink()
    refused = check()
    assert refused.returncode == 1
    assert "python protocol/generate.py" in refused.stderr
    assert "workspace.opem" in refused.stderr and "models.py" in refused.stderr


@pytest.fixture
def nouns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the noun files, for spoiling."""
    folder = tmp_path / "v1"
    folder.mkdir()
    for path in SOURCE.glob("*.json"):
        shutil.copy(path, folder)
    monkeypatch.setattr(noun_files, "SOURCE", folder)
    return folder


def spoil(folder: Path, row: dict[str, Any]) -> None:
    """Sets, appends (`+`) or takes away what stands at a place of a noun file."""
    path = folder / f"{row['in']}.json"
    noun = json.loads(path.read_text())
    *way, last = row["at"].split()
    place = noun
    for key in way:
        place = place[key]
    if last == "+":
        place.append(row["set"])
    elif "set" in row:
        place[last] = row["set"]
    else:
        del place[last]
    path.write_text(json.dumps(noun))


BAD = json.loads((Path(__file__).parent / "bad_noun_files.json").read_text())


@pytest.mark.parametrize("row", BAD, ids=lambda row: row["it has"])
def test_a_noun_file_is_refused_that_has(nouns: Path, row: dict[str, Any]) -> None:
    spoil(nouns, row)
    with pytest.raises(SystemExit) as refused:
        noun_files.read()
    assert row["told"] in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [('{"noun": "lane", "noun": "lane"}', "noun is said twice"), ("{", "lane.json"), ("", "lane.json")],
)
def test_a_noun_file_that_is_no_json_or_says_something_twice(nouns: Path, text: str, told: str) -> None:
    (nouns / "lane.json").write_text(text)
    with pytest.raises(SystemExit) as refused:
        noun_files.read()
    assert told in str(refused.value)


def test_an_unspoiled_copy_is_accepted(nouns: Path) -> None:
    assert noun_files.read().methods
