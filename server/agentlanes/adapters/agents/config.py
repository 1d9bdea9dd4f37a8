"""The profiles in a config file, read and checked; each problem names its key and what would work."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from agentlanes.adapters.agents.drivers import DRIVERS
from agentlanes.wire.models import Problem, Profile

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_HINTS = {
    "argv": 'argv is the program and its arguments, each a text of its own: argv = ["claude-agent-acp"]',
    "driver": f"driver is one of: {', '.join(DRIVERS)}",
    "env": 'env maps names of variables to texts: env = {LOG_LEVEL = "debug"}',
    "env_pass": 'env_pass lists names of variables: env_pass = ["ANTHROPIC_API_KEY"]',
    "model": "model is a text that the agent knows as a model",
    "mode": "mode is a text that the agent knows as a mode",
    "title": "title is a text of 1 to 200 characters on one line",
}


def _check_driver(name: str) -> str:
    if name not in DRIVERS:
        raise PydanticCustomError("driver_unknown", "there is no driver {name}", {"name": name})
    return name


def _check_line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_one_line", "it has characters that do not print on one line")
    return text


_Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_check_line)]
_Argument = Annotated[str, StringConstraints(max_length=65_536, pattern=r"^[^\x00]*$")]
_Variable = Annotated[str, StringConstraints(pattern=_VARIABLE, max_length=256)]


class WrittenProfile(BaseModel):
    """One `[profiles.<name>]` table."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    driver: Annotated[str, AfterValidator(_check_driver)] = "acp"
    argv: Annotated[list[_Argument], Field(min_length=1, max_length=1000)]
    env: dict[_Variable, _Argument] = Field(default_factory=dict)
    env_pass: list[_Variable] = Field(default_factory=list)
    title: _Text | None = None
    mode: _Text | None = None
    model: _Text | None = None


_KEYS = tuple(WrittenProfile.model_fields)


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says about profiles. `is_readable` is False where it is no TOML: it says nothing then."""

    is_readable: bool
    profiles: tuple[Profile, ...] = ()
    env: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    default: str | None = None
    problems: tuple[Problem, ...] = ()


def read_config(path: Path) -> Config:
    """Read a config file; what is wrong becomes problems, and the profiles that are right are there all the same."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return Config(False, problems=(_problem(path, None, f"it cannot be read: {error.strerror}"),))
    except UnicodeDecodeError as error:
        return Config(False, problems=(_problem(path, None, f"it is not UTF-8 text: {error.reason}"),))
    except tomllib.TOMLDecodeError as error:
        return Config(False, problems=(_problem(path, None, f"it is not TOML: {error}"),))
    return _Reading(path, written).read()


class _Reading:
    def __init__(self, path: Path, written: dict[str, Any]) -> None:
        self._path = path
        self._written = written
        self._problems: list[Problem] = []
        self._env: dict[str, dict[str, str]] = {}

    def read(self) -> Config:
        tables = self._written.get("profiles", {})
        if not isinstance(tables, dict):
            self._complain("profiles", "it is no table; write a profile as [profiles.<name>]")
            tables = {}
        profiles = [profile for name, table in tables.items() if (profile := self._read_profile(name, table))]
        names = [profile.name for profile in profiles]
        return Config(True, tuple(profiles), self._env, self._read_default(names), tuple(self._problems))

    def _read_profile(self, name: str, table: object) -> Profile | None:
        key = f"profiles.{name}"
        if not _NAME.fullmatch(name):
            self._complain(
                key,
                "a profile's name has up to 64 small letters, digits, dots, underscores and hyphens, and begins "
                "with a letter or digit",
            )
            return None
        try:
            checked = WrittenProfile.model_validate(table)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                self._complain_of_fault(key, fault)
            return None
        self._env[name] = dict(checked.env)
        program, *arguments = checked.argv
        return Profile(
            name=name,
            title=checked.title or name,
            driver=checked.driver,
            argv=(str(Path(program).expanduser()) if program.startswith("~/") else program, *arguments),
            env_names=tuple(sorted(checked.env)),
            env_pass=tuple(checked.env_pass),
            mode=checked.mode,
            model=checked.model,
            source=str(self._path),
            default=False,
        )

    def _read_default(self, names: list[str]) -> str | None:
        default = self._written.get("default_profile")
        if default is None:
            return None
        known = [*names, *(["demo"] if "demo" not in names else [])]
        if default in known:
            return str(default)
        self._complain("default_profile", f"there is no profile {default!r} to use; there are: {', '.join(known)}")
        return None

    def _complain_of_fault(self, key: str, fault: Any) -> None:
        places = [str(place) for place in fault["loc"] if place != "[key]"]
        field_name = places[0] if places else ""
        where = ".".join([key, *places])
        if fault["type"] == "missing":
            self._complain(where, f"it is missing; {_HINTS[field_name]}")
        elif fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field_name, _KEYS, n=1)
            meant = f"; {near[0]} may be meant" if near else ""
            self._complain(where, f"a profile has no such key{meant}; its keys are {', '.join(_KEYS)}")
        elif not places:
            self._complain(where, 'it is no table; write it as [profiles.<name>] with argv = ["program"] below it')
        else:
            self._complain(where, f"{fault['msg'][:1].lower()}{fault['msg'][1:]}; {_HINTS[field_name]}")

    def _complain(self, key: str, message: str) -> None:
        self._problems.append(_problem(self._path, key, message))


def _problem(path: Path, key: str | None, message: str) -> Problem:
    details = {"path": str(path)} | ({"key": key} if key is not None else {})
    return Problem(code="CONFIG_INVALID", message=f"{path}: {key + ': ' if key else ''}{message}", details=details)
