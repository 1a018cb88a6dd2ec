"""Looking for any of many words at once, in a time that does not grow with them (Aho, Corasick: CACM 18(6), 1975)."""

from __future__ import annotations

from collections.abc import Iterable

from ahocorasick import Automaton


class Finder:
    """Knows its words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._automaton = Automaton()
        for word in filter(None, words):
            self._automaton.add_word(word, word)
        self._automaton.make_automaton()

    def is_in(self, text: str) -> bool:
        """Whether one of them stands in the text."""
        return len(self._automaton) > 0 and next(self._automaton.iter(text), None) is not None
