"""The vocabulary in which the workspace's files are declared: what may stand where, said once.

The reader checks files against these shapes, and json_schema.py writes them down for editors; so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at least one character; `pattern` must match all of it; `like` is an example for messages."""

    about: str = ""
    pattern: str = ""
    like: str = "some text"
    rule: str = "bad-value"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list of words."""

    words: tuple[str, ...]
    about: str = ""
    rule: str = "bad-value"
    what: str = "word"
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `least` on; `whole` refuses fractions."""

    about: str = ""
    least: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    about: str = ""


@dataclass(frozen=True, slots=True)
class Duration:
    """`45 minutes`, `24 hours`, `7 days`. Read as seconds."""

    about: str = ""
    like: str = "45 minutes"


@dataclass(frozen=True, slots=True)
class Secret:
    """`$NAME`: a secret that stands in the environment."""

    about: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression of the condition language; its types are checked once the event is known."""

    about: str = ""


@dataclass(frozen=True, slots=True)
class Anything:
    """Any YAML value, kept as written."""

    about: str = ""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; `alone` lets a single value stand for a list of one."""

    item: Shape
    about: str = ""
    alone: bool = False
    at_least: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """A mapping whose keys are the author's own names."""

    item: Shape
    about: str = ""
    pattern: str = r"[a-z][a-z0-9_-]{0,62}"
    like: str = "main"


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with known keys. `later` are words of the language that this version does not have yet."""

    fields: dict[str, Shape]
    required: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    about: str = ""
    like: str = ""
    rest: bool = False


@dataclass(frozen=True, slots=True)
class ByKind:
    """What may stand here depends on its kind: a scalar, a list or a mapping."""

    scalar: Shape | None = None
    items: ListOf | None = None
    mapping: Shape | None = None
    wanted: str = "a text or a mapping"
    like: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class ByWord:
    """A mapping that is what its telling key says (`send:`, `wait:`); `alone` are words that stand by themselves."""

    tables: dict[str, Table]
    alone: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class ByValue:
    """A mapping whose other keys depend on the value of its telling key (`provider: resend`)."""

    key: str
    tables: dict[str, Table]
    rule: str = "bad-value"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A shape that contains itself, by name."""

    name: str
    get: Callable[[], Shape] = field(repr=False)


Value = Text | Choice | Number | Flag | Duration | Secret | Condition | Anything
Shape = Value | ListOf | Names | Table | ByKind | ByWord | ByValue | Named
