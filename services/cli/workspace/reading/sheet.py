"""One file of the workspace while it is checked: its lines, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.cli.workspace.findings import Finding, Place, Severity

if TYPE_CHECKING:
    from services.cli.workspace.reading.positions import Node
    from services.cli.workspace.reading.row import Row

WHOLE_FILE = Place(0, 0)


@dataclass(slots=True)
class Sheet:
    """Findings are collected, so that one run says all that is wrong. `family` are the folder's sheets, by file.

    `node` is the tree of a YAML file, `steps` are those of a journey, by id.
    """

    file: str
    text: str = ""
    findings: list[Finding] = field(default_factory=list)
    family: Mapping[str, Sheet] = field(default_factory=dict)
    node: Node | None = None
    steps: dict[str, Row] = field(default_factory=dict)
    _lines: list[str] | None = None

    def of(self, place: Place) -> Sheet:
        """The sheet that a place belongs to: a group's steps stand in another file than the journey that uses them."""
        return self.family.get(place.file, self)

    def error(self, at: Place | None, rule: str, message: str, hint: str = "", *, quote: bool = True) -> None:
        """Something that must be changed before the workspace is used. `quote=False` keeps a secret off the screen."""
        place = at or WHOLE_FILE
        self.of(place).note(place, rule, message, hint, "error", quote=quote)

    def warning(self, at: Place | None, rule: str, message: str, hint: str = "") -> None:
        """Something that works, but perhaps not as meant."""
        place = at or WHOLE_FILE
        self.of(place).note(place, rule, message, hint, "warning")

    def note(self, place: Place, rule: str, message: str, hint: str, severity: Severity, *, quote: bool = True) -> None:
        """A finding of this very file."""
        line = self.line(place.line) if quote else ""
        self.findings.append(
            Finding(self.file, place.line, place.column, message, rule, hint, severity, line, place.used)
        )

    def line(self, number: int) -> str:
        """Line `number`, from 1; empty where there is none."""
        lines = self._split()
        return lines[number - 1] if 0 < number <= len(lines) else ""

    @property
    def length(self) -> int:
        """How many lines the file has."""
        return len(self._split())

    def _split(self) -> list[str]:
        if self._lines is None:
            self._lines = self.text.splitlines()
        return self._lines
