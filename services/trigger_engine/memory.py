"""Profiles kept decoded between batches. A cached state counts only where its version is still the row's."""

from __future__ import annotations

from collections.abc import Iterable

from services.trigger_engine.journeys.trying import Standing
from services.trigger_engine.profiles.state import Identifier, Profile

MOST_PROFILES = 50_000


class Memory:
    """The profiles seen last, and who their identifiers name; a wrong guess is found under the lock and forgotten.

    `decided` are trials that are decided: they stay so.
    """

    def __init__(self, most: int = MOST_PROFILES) -> None:
        self.profiles: dict[bytes, Profile] = {}
        self.owners: dict[Identifier, bytes] = {}
        self.decided: dict[bytes, Standing] = {}
        self._most = most

    def keep(self, profiles: Iterable[Profile]) -> None:
        """Remember profiles as they are committed now, the least recent forgotten first."""
        for profile in profiles:
            self.profiles.pop(profile.id, None)
            self.profiles[profile.id] = profile
            for identifier in profile.identifiers:
                self.owners[identifier] = profile.id
        if len(self.profiles) > self._most:
            self.forget(list(self.profiles)[: len(self.profiles) - self._most * 9 // 10])

    def forget(self, ids: Iterable[bytes]) -> None:
        """Drop profiles: they have changed elsewhere, or a transaction that changed them in place was rolled back."""
        for profile_id in ids:
            profile = self.profiles.pop(profile_id, None)
            for identifier in profile.identifiers if profile is not None else ():
                if self.owners.get(identifier) == profile_id:
                    del self.owners[identifier]

    def clear(self) -> None:
        """Drop everything."""
        self.profiles.clear()
        self.owners.clear()
