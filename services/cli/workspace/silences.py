"""`# wici: allow RULE because …`: a finding that somebody has looked at, and why it may stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from services.cli.workspace.findings import RULES, Finding, Place, errors, short, write_instead
from services.cli.workspace.reading.positions import PARSER
from services.cli.workspace.reading.sheet import Sheet

SILENCEABLE = frozenset({"unreachable-step"})
"""Rules whose errors leave a workspace that can be used. Every warning can be silenced but those about silences."""
_OWN = frozenset({"bad-silence", "idle-silence"})
_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*wici:\s*allow\b(.*)")
_TEMPLATE_COMMENT = re.compile(r"\{#-?\s*wici:\s*allow\b(.*?)-?#\}")
_SAID = re.compile(r"\s*([\w-]+(?:\s*,\s*[\w-]+)*)\s+because\s+(\S.*)")
_ALONE = re.compile(r"\s*(#.*|\{#.*#\}\s*)?")
_LIKE = "write it like: wici: allow RULE because REASON"


@dataclass(frozen=True, slots=True)
class Silenced:
    """A finding that is silenced, and the reason that is given."""

    finding: Finding
    because: str


@dataclass(frozen=True, slots=True)
class Silence:
    """What one comment says: rules that are allowed on `line` (0: in the whole file). None without a reason."""

    place: Place
    line: int
    rules: tuple[str, ...] = ()
    because: str = ""


def heard(sheets: Mapping[str, Sheet]) -> tuple[list[Finding], list[Silenced]]:
    """The findings that stay, what is wrong with the silences themselves among them, and those that are silenced."""
    stay: list[Finding] = []
    silenced: list[Silenced] = []
    idle: list[Finding] = []
    for sheet in sheets.values():
        said = list(silences(sheet)) if "wici:" in sheet.text else []
        if not said:
            stay += sheet.findings
            continue
        found, sheet.findings = sheet.findings, []
        used: set[tuple[Silence, str]] = set()
        for finding in found:
            by = _by(finding, said)
            if by is None:
                sheet.findings.append(finding)
            else:
                silenced.append(Silenced(finding, by.because))
                used.add((by, finding.rule))
        _check(said, sheet)
        stay += sheet.findings
        idle += _idle(said, used, sheet)
    # Where something is wrong not every rule has spoken, and a silence may yet be needed.
    return stay if errors(stay) else stay + idle, silenced


def silences(sheet: Sheet) -> Iterator[Silence]:
    """Every silence of a file, well said or not."""
    yaml_file = sheet.file.endswith((".yaml", ".yml"))
    texts = _texts(sheet.text) if yaml_file else []
    matter = 0 if yaml_file else _front_matter(sheet)
    for number, line in enumerate(sheet.text.splitlines(), 1):
        if "wici:" not in line:
            continue
        in_matter = number <= matter
        found = (_COMMENT if yaml_file or in_matter else _TEMPLATE_COMMENT).search(line)
        if found is None or any(start <= (number, found.start()) < end for start, end in texts):
            continue
        place = Place(number, found.start() + 1)
        target = 0 if in_matter else number if not _ALONE.fullmatch(line) else _next(sheet, number)
        read = _SAID.fullmatch(found[1].rstrip())
        rules = tuple(re.split(r"\s*,\s*", read[1])) if read else ()
        yield Silence(place, target, rules, read[2] if read else "")


def _by(finding: Finding, said: Iterable[Silence]) -> Silence | None:
    """The silence that holds for a finding."""
    if finding.rule in _OWN or (finding.severity == "error" and finding.rule not in SILENCEABLE):
        return None
    return next((one for one in said if finding.rule in one.rules and one.line in (0, finding.line)), None)


def _check(said: Iterable[Silence], sheet: Sheet) -> None:
    for one in said:
        if not one.rules:
            sheet.error(one.place, "bad-silence", "a silence names its rules and its reason", _LIKE)
        for rule in one.rules:
            if rule not in RULES:
                hint = write_instead(rule, RULES, "rules are")
                sheet.error(one.place, "bad-silence", f"there is no rule {short(rule)}", hint)
    wanted = {(one.line, rule): one for one in said for rule in one.rules}
    for finding in list(sheet.findings):
        refused = wanted.get((finding.line, finding.rule)) or wanted.get((0, finding.rule))
        if refused is not None and finding.severity == "error":
            hint = "what this error names keeps the workspace from being used: mend it"
            sheet.error(refused.place, "bad-silence", f"{short(finding.rule)} cannot be silenced", hint)


def _idle(said: Iterable[Silence], used: set[tuple[Silence, str]], sheet: Sheet) -> Iterator[Finding]:
    for one in said:
        for rule in one.rules:
            if rule in RULES and (one, rule) not in used:
                message, line = f"nothing here breaks {short(rule)}", sheet.line(one.place.line)
                hint = "remove it, or move it to the line that is meant"
                yield Finding(
                    sheet.file, one.place.line, one.place.column, message, "idle-silence", hint, "warning", line
                )


def _next(sheet: Sheet, number: int) -> int:
    """The first line after `number` that says something."""
    number += 1
    while number <= sheet.length and _ALONE.fullmatch(sheet.line(number)):
        number += 1
    return number


def _front_matter(sheet: Sheet) -> int:
    """The line of the second `---`; 0 where there is no front matter."""
    if not sheet.line(1).startswith("---"):
        return 0
    return next((n for n in range(2, sheet.length + 1) if sheet.line(n).startswith("---")), 0)


def _texts(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where values stand, by line (from 1) and column (from 0): a # inside one is no comment."""
    try:
        tokens = [token for token in yaml.scan(text, Loader=PARSER) if isinstance(token, yaml.ScalarToken)]
    except (yaml.YAMLError, UnicodeEncodeError):
        return []
    return [
        ((one.start_mark.line + 1, one.start_mark.column), (one.end_mark.line + 1, one.end_mark.column))
        for one in tokens
    ]
