"""Records that hold what may be secret: values of an environment, answers that nobody else may read."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct


class Veiled(Struct, frozen=True):
    """A record whose repr leaves out the fields that it names, so that no log and no traceback ever shows them."""

    veiled: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What rich shows of it; a struct's own would show all."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in self.veiled]
