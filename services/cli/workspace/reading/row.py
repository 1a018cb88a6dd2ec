"""What the reader hands on: a mapping whose values were checked against its shape, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.positions import Mapping, Node, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A checked mapping. A key that is missing or was wrong has no value (the finding is made already).

    `word` is the telling key where the mapping is one of several kinds (`send`, `wait`, …).
    """

    node: Node
    values: dict[str, Any]
    word: str = ""

    def text(self, key: str, default: str = "") -> str:
        """A text, choice, reference or condition."""
        return self._typed(key, str, default)

    def maybe(self, key: str) -> str | None:
        """A text that may be absent."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> float | None:
        """A number, or a duration in seconds."""
        value = self.values.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def amount(self, key: str) -> Decimal | None:
        """An amount of money, exact."""
        value = self.number(key)
        return None if value is None else Decimal(str(value))

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        return self._typed(key, bool, default)

    def row(self, key: str) -> Row | None:
        """A mapping."""
        value = self.values.get(key)
        return value if isinstance(value, Row) else None

    def rows(self, key: str) -> list[Row]:
        """A list of mappings, without those that were wrong."""
        value = self.values.get(key)
        return [item for item in value if isinstance(item, Row)] if isinstance(value, list) else []

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, without those that were wrong."""
        value = self.values.get(key)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def named(self, key: str) -> dict[str, Any]:
        """A mapping with the author's own names; values as their shape reads them."""
        value = self.values.get(key)
        return value if isinstance(value, dict) else {}

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def at(self, key: str) -> Place:
        """Where the value of `key` stands; where the mapping stands if there is none."""
        node = self.node_of(key)
        return node.place if node else self.node.place

    def key_at(self, key: str) -> Place:
        """Where the word `key` itself stands."""
        return self.node.keys.get(key, self.node.place) if isinstance(self.node, Mapping) else self.node.place

    def node_of(self, key: str) -> Node | None:
        """The node of `key`."""
        return self.node.values.get(key) if isinstance(self.node, Mapping) else None

    def items_at(self, key: str) -> list[Place]:
        """Where the items of the list `key` stand; a single value counts as a list of one."""
        node = self.node_of(key)
        if isinstance(node, Sequence):
            return [item.place for item in node.items]
        return [node.place] if node else []

    def _typed(self, key: str, kind: type[T], default: T) -> T:
        value = self.values.get(key)
        return value if isinstance(value, kind) else default
