"""`wici check`: says what is wrong with a workspace, and what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

from services.cli.workspace.findings import errors
from services.cli.workspace.load import Loaded, load

MOST_SHOWN = 100
"""More than a person reads; --json has all of them."""


def check(folder: Path, *, as_json: bool = False, strict: bool = False) -> int:
    """Print the findings of `folder` and a summary line. Returns the exit code: 1 for errors, 0 for warnings only.

    `strict` makes warnings count as errors.
    """
    loaded = load(folder)
    print(_as_json(loaded) if as_json else report(loaded))
    return 1 if errors(loaded.findings) or (strict and loaded.findings) else 0


def report(loaded: Loaded) -> str:
    """The findings for a person, errors of a hopeless file cut short, and the summary."""
    shown = [finding.render() for finding in loaded.findings[:MOST_SHOWN]]
    left = len(loaded.findings) - len(shown)
    return "\n".join([*shown, *([f"… and {left} more"] if left else []), summary(loaded)])


def summary(loaded: Loaded) -> str:
    """One line: `2 errors, 1 warning in 3 files`."""
    wrong = len(errors(loaded.findings))
    warned = len(loaded.findings) - wrong
    files = f"in {_count(loaded.files, 'file')}"
    silenced = f", {len(loaded.silenced)} silenced" if loaded.silenced else ""
    if loaded.findings:
        return f"{_count(wrong, 'error')}, {_count(warned, 'warning')}{silenced} {files}"
    journeys = len(loaded.workspace.journeys) if loaded.workspace else 0
    templates = len(loaded.workspace.templates) if loaded.workspace else 0
    return f"{_count(journeys, 'journey')} and {_count(templates, 'template')} {files}: nothing wrong{silenced}"


def _as_json(loaded: Loaded) -> str:
    wrong = len(errors(loaded.findings))
    document = {
        "errors": wrong,
        "warnings": len(loaded.findings) - wrong,
        "files": loaded.files,
        "findings": [finding.as_json() for finding in loaded.findings],
        "silenced": [{**one.finding.as_json(), "because": one.because} for one in loaded.silenced],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
