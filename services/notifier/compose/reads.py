"""Which variables a template reads, so that a message carries these and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jinja2 import nodes

Path = tuple[str, ...]


def path_of(node: nodes.Node) -> Path | None:
    """`event.order.total` as a path, also `event["order"]`; None for anything that is not such a chain."""
    names: list[str] = []
    while True:
        if isinstance(node, nodes.Getattr):
            names.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            names.append(node.arg.value)
        elif isinstance(node, nodes.Name) and node.ctx == "load":
            return (node.name, *reversed(names))
        else:
            return None
        node = node.node


def reads(tree: nodes.Template, roots: frozenset[str]) -> Iterator[Path]:
    """Every path below one of `roots` that the tree reads. A loop reads its list as a whole."""
    stack: list[nodes.Node] = [tree]
    while stack:
        node = stack.pop()
        path = path_of(node)
        if path is None:
            stack.extend(node.iter_child_nodes())
        elif path[0] in roots:
            yield path


def shortest(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths, sorted, without those that another one contains."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not kept or path[: len(kept[-1])] != kept[-1]:
            kept.append(path)
    return tuple(kept)
