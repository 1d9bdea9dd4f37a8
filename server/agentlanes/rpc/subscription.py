"""Which events a peer asked for, and how far it has them."""

from __future__ import annotations

from collections.abc import Iterable


class Subscription:
    """A filter over the log with a cursor.

    `cursor` is the newest `seq` that the peer has, or that the filter left out for it. A topic pattern is a topic,
    a prefix as in `lane.*`, or `*`; None means every topic. `workspace_ids` leaves out the events of other workspaces;
    events that belong to no workspace concern everyone and pass.
    """

    __slots__ = ("_prefixes", "_topics", "_verdicts", "_workspaces", "cursor", "everything")

    def __init__(
        self, after: int, topics: Iterable[str] | None = None, workspace_ids: Iterable[str] | None = None
    ) -> None:
        patterns = {"*"} if topics is None else set(topics)
        self.cursor = after
        self._workspaces = None if workspace_ids is None else frozenset(workspace_ids)
        self._topics = frozenset(pattern for pattern in patterns if not pattern.endswith("*"))
        self._prefixes = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
        self._verdicts: dict[str, bool] = {}
        self.everything = "*" in patterns and self._workspaces is None

    def names(self, topic: str) -> bool:
        """Whether the filter asks for a topic by its name or a prefix of it: everything at once asks for none."""
        return topic in self._topics or any(prefix and topic.startswith(prefix) for prefix in self._prefixes)

    def wants(self, topic: str, workspace_id: str | None) -> bool:
        """Whether an event passes the filter."""
        if self._workspaces is not None and workspace_id is not None and workspace_id not in self._workspaces:
            return False
        verdict = self._verdicts.get(topic)
        if verdict is None:
            verdict = topic in self._topics or topic.startswith(self._prefixes)
            self._verdicts[topic] = verdict
        return verdict
