"""What is wrong with a text that is not of the language, in words that say what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from services.cli.workspace.findings import Place


class BadYaml(Exception):  # noqa: N818 -- caught inside this package and turned into a finding
    """The text is not of the language. Carries what a finding needs."""

    def __init__(self, rule: str, message: str, place: Place, hint: str = "") -> None:
        super().__init__(message)
        self.rule, self.message, self.place, self.hint = rule, message, place, hint


def not_yaml(error: yaml.YAMLError | UnicodeEncodeError, text: str) -> BadYaml:
    """What a parser said about `text`, as a finding says it."""
    if isinstance(error, UnicodeEncodeError):
        return BadYaml("bad-yaml", "half of a character", _at(text, error.start), "save the file as UTF-8")
    if not isinstance(error, yaml.MarkedYAMLError):
        return BadYaml("bad-yaml", _reason(error), _at(text, getattr(error, "position", 0)), "remove the character")
    return _marked(error, text)


def _marked(error: yaml.MarkedYAMLError, text: str) -> BadYaml:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    place = _inside(lines, Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1))
    problem = error.problem or "it cannot be parsed"
    if lines and lines[place.line - 1][place.column - 1 :][:1] == "\t":
        return BadYaml("bad-yaml", "not YAML: a tab where a word or a space should be", place, "indent with spaces")
    begun = error.context_mark
    if "could not find expected ':'" in problem and begun:
        word = lines[begun.line].strip()
        hint = f"write instead: {word[:60]}:" if " " not in word else "write it like key: value"
        return BadYaml("bad-yaml", "not YAML: a word without a colon", Place(begun.line + 1, begun.column + 1), hint)
    if any(part in problem for part in _INDENTED) and (odd := _indentation(lines, place)):
        return odd
    where = f"look at what begins in line {begun.line + 1}" if begun and begun.line + 1 != place.line else ""
    return BadYaml("bad-yaml", f"not YAML: {problem}", place, _advice(problem) or where)


_INDENTED = (
    "did not find expected '-'", "did not find expected key", "mapping values are not allowed", "expected <block end>",
)  # fmt: skip
WIDEST = 10_000
_KEY = re.compile(r"(- +)?[\w.-]+:( |$)")


def _indentation(lines: list[str], place: Place) -> BadYaml | None:
    """What is wrong with a line that begins in another column than those it belongs with; None if it is not that."""
    line = lines[place.line - 1]
    here = _indent(line)
    above = list(_open(lines, place.line - 1))
    if not above or not (_KEY.match(line.strip()) or line.strip().startswith("- ")):
        return None
    item = line.strip().startswith("- ")
    fitting = [number for number in above if lines[number].strip().startswith("- ") == item or not item]
    columns = {_column(lines[number], item=item): number for number in fitting}
    if here in columns or not columns:
        return None
    column = min(columns, key=lambda one: (abs(one - here), -columns[one]))
    message = f"not YAML: this line begins in column {here + 1}, where nothing can begin"
    hint = f"begin it in column {column + 1}, like line {columns[column] + 1}"
    return BadYaml("bad-yaml", message, Place(place.line, here + 1), hint)


def _open(lines: list[str], before: int) -> Iterator[int]:
    """The lines above one that begin what it may belong to: each indented less than all between."""
    least = len(lines[before]) + WIDEST
    for number in range(before - 1, -1, -1):
        line = lines[number]
        if line.strip() and not line.lstrip().startswith("#") and _indent(line) < least:
            least = _indent(line)
            yield number


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _column(line: str, *, item: bool) -> int:
    """Where a line's key begins: behind the hyphen, if there is one; with `item` where the hyphen stands."""
    inside = line.lstrip()
    if item or not inside.startswith("- "):
        return _indent(line)
    return len(line) - len(inside[1:].lstrip())


def _inside(lines: list[str], place: Place) -> Place:
    """The place, or the end of the last line where the parser points behind it."""
    return place if place.line <= len(lines) or not lines else Place(len(lines), len(lines[-1]) + 1)


def _advice(problem: str) -> str:
    advice = {
        "mapping values are not allowed": "put quotes around a text that has ': ' in it, or check the indentation",
        "expected ',' or": "close the bracket, or put a comma between the items",
        "node content": "close the bracket, or write the value",
        "unexpected end of stream": "close the quotes",
        "cannot start any token": "put quotes around the text",
        "expected <block end>": "check the indentation: lines of one list or mapping begin in one column",
        "did not find expected '-'": "check the indentation: lines of one list begin in one column",
        "did not find expected key": "check the indentation: keys of one mapping begin in one column",
    }
    return next((words for part, words in advice.items() if part in problem), "")


def _reason(error: yaml.YAMLError) -> str:
    return f"not YAML: {getattr(error, 'reason', None) or str(error).splitlines()[0]}"


def _at(text: str, position: int) -> Place:
    before = text[: position if isinstance(position, int) else 0]
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
