"""A bounded memory of sealed versions, shared by all threads of a process."""

import threading
from collections import OrderedDict
from collections.abc import Mapping

from apps.prompts.types import VersionFacts

VERSIONS = 512  # about 5 KB each as a rule, 100 KB at worst


class VersionCache:
    """What the newest snapshot serves, and others beside it: of these, least recently used goes
    first. Entries never go stale, because sealed content cannot."""

    def __init__(self, size: int = VERSIONS) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, VersionFacts] = OrderedDict()
        self._kept: Mapping[int, VersionFacts] = {}

    def get(self, version_id: int) -> VersionFacts | None:
        if (kept := self._kept.get(version_id)) is not None:
            return kept
        with self._lock:
            facts = self._entries.get(version_id)
            if facts is not None:
                self._entries.move_to_end(version_id)
            return facts

    def keep(self, versions: Mapping[int, VersionFacts]) -> None:
        """However many these are, in place of those kept before: else every edit of one prompt
        would read all the others again."""
        self._kept = versions

    def put(self, versions: Mapping[int, VersionFacts]) -> None:
        with self._lock:
            self._entries.update(versions)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything. For tests, whose databases give ids a second time."""
        with self._lock:
            self._kept = {}
            self._entries.clear()
