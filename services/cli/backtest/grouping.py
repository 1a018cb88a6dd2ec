"""Whose an event is, where only its names tell: names that any event has brought together are one story's."""

from __future__ import annotations

from collections.abc import Iterable

from services.trigger_engine.profiles.state import Identifier


class Groups:
    """Sets of names that grow together (a disjoint-set forest; Galler and Fischer, CACM 7(5), 1964)."""

    def __init__(self) -> None:
        self._number: dict[Identifier, int] = {}
        self._above: list[int] = []

    def add(self, names: Iterable[Identifier]) -> int:
        """Bring these names together; returns a number by which `find` knows their set, also when it has grown."""
        numbers = [self._of(name) for name in names]
        root = self._root(numbers[0])
        for number in numbers[1:]:
            self._above[self._root(number)] = root
        return numbers[0]

    def find(self, number: int) -> bytes:
        """The set's key: the same for every number of it."""
        return self._root(number).to_bytes(8, "big")

    def _of(self, name: Identifier) -> int:
        number = self._number.setdefault(name, len(self._above))
        if number == len(self._above):
            self._above.append(number)
        return number

    def _root(self, number: int) -> int:
        above = self._above
        while above[number] != number:
            above[number] = number = above[above[number]]
        return number
