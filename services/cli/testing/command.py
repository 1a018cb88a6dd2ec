"""`wici test`: play the journeys' tests, say what is not as expected and which ways no test goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from services.cli.terminal import Answer, show
from services.cli.testing import report
from services.cli.testing.report import Result
from services.cli.testing.stage import Stage
from services.cli.testing.verdict import judge
from services.cli.workspace.command import report as findings_of
from services.cli.workspace.journeys.cases import Case
from services.cli.workspace.load import Loaded, load
from services.kit.clock import monotonic
from services.kit.errors import Misconfigured

LOOK_SECONDS = 0.3
CLEAR = "\x1b[2J\x1b[H"
WRONG_USE = 2


def play(folder: Path, only: str = "", junit: Path | None = None) -> Answer:
    """Play the tests of the workspace in `folder`: of the journey `only`, or else those that have it in their name.

    Exit code 1 where one fails or the workspace has errors, 2 where `only` names none.
    """
    loaded = load(folder)
    if loaded.workspace is None:
        said = f"The workspace has errors.\n{findings_of(loaded)}"
        return Answer(said, {"findings": [one.as_json() for one in loaded.findings]}, 1)
    cases = [one for one in loaded.cases if one.journey == only] or [
        one for one in loaded.cases if only.casefold() in f"{one.journey} {one.title}".casefold()
    ]
    if only and not cases:
        known = ", ".join(sorted({one.journey for one in loaded.cases})) or "none"
        return Answer(f"No test has {only!r} in its journey or title. Journeys with tests: {known}.", None, WRONG_USE)
    stage = Stage(loaded.workspace)
    results = list(_played(stage, cases))
    covered = list(stage.gone.covered(frozenset(one.journey for one in cases), loaded.ways))
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(report.junit(results), encoding="utf-8")
    failed = any(one.failures for one in results)
    said = report.text(results, covered) if results else _none(loaded)
    return Answer(said, report.data(results, covered), int(failed))


def watch(folder: Path, only: str = "", junit: Path | None = None) -> int:
    """Play the tests now, and again whenever a file of the workspace has changed, until interrupted."""
    if not folder.is_dir():
        raise Misconfigured(f"{folder} is no folder. Name a workspace's folder.")
    seen: dict[Path, tuple[int, int]] = {}
    while True:
        now = dict(_files(folder))
        if now != seen:
            seen = now
            if sys.stdout.isatty():
                print(CLEAR, end="")
            show(play(folder, only, junit), as_json=False)
            print(f"Waiting for a change in {folder}; Ctrl+C ends it.", flush=True)
        time.sleep(LOOK_SECONDS)


def _played(stage: Stage, cases: Sequence[Case]) -> Iterator[Result]:
    for case in cases:
        started = monotonic()
        failures = tuple(judge(case, stage.play(case)))
        yield Result(case, failures, (monotonic() - started) * 1000)


def _none(loaded: Loaded) -> str:
    journeys = loaded.workspace.journeys if loaded.workspace else ()
    name = journeys[0].name if journeys else "NAME"
    return f"There are no tests. Write them into journeys/{name}.test.yaml, beside the journey."


def _files(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Every file of the workspace, with what changes when it is written."""
    for path in folder.rglob("*"):
        try:
            about = path.stat()
        except OSError:  # gone since, or a link to nothing
            continue
        if not path.is_dir():
            yield path, (about.st_mtime_ns, about.st_size)
