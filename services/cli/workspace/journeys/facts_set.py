"""Which facts the journeys of a workspace set: known before any of them is checked, as each may read them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.cli.workspace.journeys.schedules import entering
from services.cli.workspace.reading.positions import Mapping, Node, Scalar, under
from services.trigger_engine.journeys.own_facts import Said


def facts_set(trees: Iterable[Node]) -> list[Said]:
    """Every `set` in the files, right or wrong."""
    return [Said(_event(tree), name, value.text) for tree in trees for name, value in _sets(tree)]


def _event(tree: Node) -> str:
    enter = tree.values.get("enter") if isinstance(tree, Mapping) else None
    if not isinstance(enter, Mapping):
        return ""
    on = enter.values.get("on")
    return entering(enter.values, on.text if isinstance(on, Scalar) else "")


def _sets(node: Node) -> Iterator[tuple[str, Scalar]]:
    for facts in under(node, "set", Mapping):
        yield from ((name, said) for name, said in facts.values.items() if isinstance(said, Scalar))
