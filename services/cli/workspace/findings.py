"""What `wici check` says about a workspace: one finding, one place, one thing to write instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

Severity = Literal["error", "warning"]

# The closed list of rules: name → what it guards. The name stands in brackets behind each finding;
# docs/rules/ has a page for each, made of its example.
RULES: dict[str, str] = {
    "bad-condition": "a condition is one expression that the event's fields and types allow",
    "bad-cron-or-time": "a time of day reads 20:00, a schedule 0 10 * * tue or 2026-12-01 10:00",
    "bad-duration": "a duration reads 45 minutes, 24 hours, 7 days",
    "bad-name": "names are lower-case words with hyphens, so that they fit file names and addresses",
    "bad-reference": "a reference to the environment reads $NAME",
    "bad-schema": "an event's schema is a JSON Schema of an object",
    "bad-silence": "a silence names rules that can be silenced, and the reason",
    "bad-value": "a value is one of those that its key allows",
    "bad-yaml": "the file is YAML",
    "cap-too-small": "caps leave room for what a journey says in a row",
    "code-expires": "a code is good until after the last message about it",
    "confirm-in-advertising": "a request to confirm reaches those who have not confirmed",
    "costly-letter": "no single letter makes an SMS dearer",
    "duplicate-key": "a key stands once in its mapping",
    "duplicate-name": "journeys, groups and accounts have names of their own",
    "duplicate-step-id": "a step's id is its own within the journey",
    "else-not-last": "the else of a branch is its last arm",
    "empty-file": "a file of the workspace says something",
    "foreign-way-out": "who unsubscribes is heard by wici",
    "gendered": "a message speaks to men and women, and to whom it does not know",
    "goal-too-short": "a goal counts until after the last message",
    "group-cycle": "groups that use one another lead in no circle",
    "holdout-without-goal": "what a holdout measures is a goal",
    "idle-silence": "a silence silences something",
    "long-sms": "an SMS takes no more parts than it is worth",
    "long-wait": "a wait ends while the events that led to it are kept",
    "missing-file": "the workspace has the files it needs",
    "missing-key": "required keys are there",
    "missing-locale": "a template speaks the shop's language, and each that another template of its journey speaks",
    "missing-parameter": "a use of a group says what its parameters are",
    "name-mismatch": "a journey or group is named like its file",
    "never-happens": "an event that is waited for can come",
    "never-said": "policies leave time and room for what journeys say",
    "no-account": "a channel has an account at a provider",
    "no-adapter": "this storefront or provider is known, and not connected in this version",
    "no-sender": "an e-mail has an address that it comes from",
    "no-topic": "advertising belongs to a topic that customers can leave",
    "not-yet-applied": "this word is accepted, and not applied in this version",
    "offer-without-consent": "codes, reductions and recommendations are marketing",
    "once-per-customer": "what each order is due is entered by each order",
    "open-branch": "a choice says what becomes of those whom no condition fits",
    "optional-variable": "a template asks before it prints what an event need not bring",
    "prize-without-permit": "a prize by chance for buyers names its permit and its terms",
    "quiet-window": "a time to speak at is no quiet one",
    "receipt-circle": "journeys that receipts enter cannot answer one another's messages without end",
    "reduction-without-lowest": "a reduction shows the lowest price of the 30 days before it",
    "repeated-condition": "each arm of a branch has a condition of its own",
    "reserved-name": "a fact of the shop's own has a name that wici has no fact for",
    "reserved-word": "this word of the language is not available in this version",
    "secret-in-file": "secrets stand in the environment, not in the file",
    "segment-circle": "journeys do not enter one another without end by changing segments",
    "sms-without-opt-out": "an advertisement by SMS says how to leave",
    "start-cycle": "journeys that start one another lead in no circle",
    "template": "a template compiles",
    "template-variable": "a template reads only what its journey can supply",
    "too-deep": "a file nests no deeper than a person reads",
    "too-large": "a file is at most 1 MB, and a journey uses groups 200 times at most",
    "topic-without-choice": "a topic stands on messages that customers can choose",
    "unknown-channel": "a channel is email or sms",
    "unknown-day": "a day that has a name stands in calendar.yaml",
    "unknown-event": "an event type is one of wici's or one of the shop's own",
    "unknown-group": "a group that is used has a file in groups/",
    "unknown-journey": "a journey that is started has a file in journeys/",
    "unknown-key": "a key is one of those that the place allows",
    "unknown-message": "conditions ask for messages that journeys say",
    "unknown-parameter": "a group's parameter is one that it names",
    "unknown-pool": "a pool of codes stands in coupons.yaml",
    "unknown-provider": "a provider is one that wici knows",
    "unknown-segment": "a segment stands in segments.yaml",
    "unknown-step": "in_flight migrates to steps of this version",
    "unknown-storefront": "a storefront is one that wici knows",
    "unknown-survey": "a survey stands in surveys.yaml",
    "unknown-team": "a team that is alerted stands in wici.yaml",
    "unknown-template": "a template has a folder in templates/",
    "unlisted-topic": "a journey's topic stands in wici.yaml, with a title for the preference centre",
    "unreachable-step": "a step can be reached",
    "unreadable-file": "a file can be read and is UTF-8",
    "untranslated": "each language has words of its own",
    "unused-group": "a group is used: until then its steps are not checked",
    "unused-template": "a template is said by a journey",
    "unused-topic": "a topic has a journey",
    "wrong-kind": "a value is of the kind (text, number, list, mapping) that its key wants",
    "yaml-feature": "anchors, aliases, tags and several documents are not part of the language",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, from 1. In a group's steps `file` is the group's, and `used` where a journey uses it."""

    line: int
    column: int
    file: str = ""
    used: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at `file:line:column` (from 1; line 0 means the file as a whole).

    `hint` says what to write or do instead; `source_line` is the line as it stands; `used` is where a journey uses the
    group that it is about.
    """

    file: str
    line: int
    column: int
    message: str
    rule: str
    hint: str = ""
    severity: Severity = "error"
    source_line: str = ""
    used: str = ""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"{self.rule!r} is no rule; add it to RULES with the reason it guards")

    @property
    def place(self) -> str:
        """The place as editors and terminals link it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def render(self) -> str:
        """The finding for a person: place, message, the line with a caret, what to write instead."""
        lines = [f"{self.place}: {self.severity}: {self.message} [{self.rule}]"]
        if self.source_line.strip():
            lines += _quoted(self.source_line, self.column)
        if self.hint:
            lines.append(f"    {self.hint}")
        if self.used:
            lines.append(f"    used at {self.used}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The finding for a program."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "rule": self.rule,
            "message": self.message,
            "hint": self.hint,
            "used": self.used,
            "docs": f"docs/rules/{self.rule}.md",
        }


WIDTH = 160  # of a quoted line; a longer one is cut, so that a finding stays readable


def _quoted(line: str, column: int) -> list[str]:
    at = max(0, min(column - 1, len(line)))
    start = max(0, at - WIDTH // 2) if len(line) > WIDTH else 0
    shown = "".join(
        " " if unicodedata.category(letter).startswith("C") else letter for letter in line[start : start + WIDTH]
    )
    return [f"    {shown.rstrip()}", f"    {' ' * (at - start)}^"]


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that keep a workspace from being used."""
    return [finding for finding in findings if finding.severity == "error"]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By file and place, as a person reads; the same thing is said once, of a group for its first use."""
    once = {replace(finding, used=""): finding for finding in sorted(findings, key=lambda f: f.used, reverse=True)}
    return sorted(once.values(), key=lambda finding: (finding.file, finding.line, finding.column, finding.rule))


def write_instead(word: str, known: Iterable[str], what: str = "") -> str:
    """A hint for an unknown word: the nearest known one, else all of them when they are few."""
    known = sorted(known)
    near = get_close_matches(word[:80], known, n=1, cutoff=0.6)
    if near:
        return f"write instead: {near[0]}"
    if not known:
        return ""
    listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"{what or 'write one of'}: {listed}"


def short(text: str) -> str:
    """A word of the file as messages quote it."""
    return repr(text if len(text) <= 60 else text[:59] + "…")
