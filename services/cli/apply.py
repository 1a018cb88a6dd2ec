"""`wici apply`: publish the workspace; running services follow it without a restart."""

from __future__ import annotations

from services.cli.connect import connection, database
from services.cli.follow import author
from services.cli.publish import Published, publish
from services.cli.terminal import Answer, confirm
from services.cli.workspace.command import report
from services.cli.workspace.findings import errors
from services.cli.workspace.load import load
from services.kit.clock import SystemClock
from services.kit.settings import Settings


async def apply(settings: Settings, *, yes: bool) -> Answer:
    """Check, ask, publish. With errors in the files nothing is published, and the exit code is 1."""
    loaded = load(settings.workspace)
    findings = [finding.as_json() for finding in loaded.findings]
    if loaded.workspace is None or errors(loaded.findings):
        text = f"{report(loaded)}\nNothing was published. Correct the errors and run it again."
        return Answer(text, {"published": False, "findings": findings}, 1)
    confirm(f"Publish {settings.workspace} with {len(loaded.workspace.journeys)} journeys to customers?", yes=yes)
    with database(settings) as found:
        async with connection(found) as opened:
            done = await publish(opened, loaded.workspace, author(), SystemClock().real())
    warnings = "".join(f"{finding.render()}\n" for finding in loaded.findings)
    return Answer(warnings + _text(done), {"published": True, "findings": findings, **_data(done)})


def _text(done: Published) -> str:
    if not done.changed:
        return f"Nothing changed: version {done.version} says the same."
    changed = ", ".join(f"{name} (revision {done.journeys[name]})" for name in done.changed_journeys)
    return f"Version {done.version} is published. Journeys with a new revision: {changed or 'none'}."


def _data(done: Published) -> dict[str, object]:
    return {
        "version": done.version,
        "changed": done.changed,
        "journeys": done.journeys,
        "changed_journeys": list(done.changed_journeys),
    }
