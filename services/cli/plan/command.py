"""`wici plan`, `wici apply` and `wici rollback`: show what a change does; do it, if nothing has moved since."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import asyncpg

from services.cli.audit import Commit, author, commit_of
from services.cli.connect import connection, database
from services.cli.plan import file, report
from services.cli.plan.proposal import propose
from services.cli.publish import Origin, Published, at, publish
from services.cli.terminal import Answer, confirm
from services.cli.workspace.command import report as checked
from services.cli.workspace.findings import Finding, errors
from services.cli.workspace.load import Loaded, load
from services.contracts.workspace import Workspace
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings

_ORIGIN = (
    "SELECT commit_id, dirty FROM workspace.audit WHERE version = $1 AND commit_id IS NOT NULL ORDER BY id LIMIT 1"
)


async def plan(settings: Settings, out: Path | None) -> Answer:
    """What applying the workspace would do; nothing is done. With errors the exit code is 1."""
    loaded = load(settings.workspace)
    if loaded.workspace is None or errors(loaded.findings):
        return _refused(loaded)
    with database(settings) as found:
        async with connection(found) as opened:
            proposal = await propose(opened, loaded.workspace, SystemClock().real())
    if out is not None and not proposal.errors:
        file.save(proposal, commit_of(settings.workspace), out)
    saved = f"\n\nSaved: {out}. It can be applied while version {proposal.base} is in force." if out else ""
    text = _findings(loaded.findings) + report.text(proposal) + ("" if proposal.errors else saved)
    told = {**report.as_json(proposal), "findings": [finding.as_json() for finding in loaded.findings]}
    return Answer(text, told, 1 if proposal.errors else 0)


async def apply(settings: Settings, *, yes: bool) -> Answer:
    """Publish a folder, or a plan that was saved, after showing what it does.

    With errors nothing is published, and the exit code is 1.
    """
    if settings.workspace.is_file():
        saved = file.read(settings.workspace)
        with database(settings) as found:
            async with connection(found) as opened:
                origin = Origin(author(), commit=saved.commit, base=saved.base)
                return await _carry_out(opened, saved.workspace, origin, [], yes=yes)
    loaded = load(settings.workspace)
    if loaded.workspace is None or errors(loaded.findings):
        return _refused(loaded)
    with database(settings) as found:
        async with connection(found) as opened:
            origin = Origin(author(), commit=commit_of(settings.workspace))
            return await _carry_out(opened, loaded.workspace, origin, loaded.findings, yes=yes)


async def rollback(settings: Settings, version: int, *, yes: bool) -> Answer:
    """Publish an earlier version's document again, as a new version, after showing what that does."""
    with database(settings) as found:
        async with connection(found) as opened:
            workspace = await at(opened, version)
            row = await opened.fetchrow(_ORIGIN, version)
            origin = Origin(author(), "rollback", Commit(*row) if row else None)
            return await _carry_out(opened, workspace, origin, [], yes=yes)


async def _carry_out(
    opened: asyncpg.Connection[Any], workspace: Workspace, origin: Origin, findings: list[Finding], *, yes: bool
) -> Answer:
    """Show the plan as it is now, ask, and publish if nobody has published since."""
    now = SystemClock().real()
    proposal = await propose(opened, workspace, now)
    if origin.base is not None and origin.base != proposal.base:
        raise Misconfigured(
            f"The plan is for version {origin.base}, and version {proposal.base} is in force. Make it again: wici plan"
        )
    text = _findings(findings) + report.text(proposal)
    told: dict[str, Any] = {
        "published": False, "findings": [finding.as_json() for finding in findings], "plan": report.as_json(proposal),
    }  # fmt: skip
    if proposal.errors:
        return Answer(f"{text}\n\nNothing was published. Correct the errors and run it again.", told, 1)
    if proposal.changed and not yes:
        print(text, file=sys.stderr)
        confirm("\nPublish this to customers?", yes=yes)
        text = ""
    base = Origin(origin.who, origin.act, origin.commit, proposal.base)
    done = await publish(opened, workspace, base, now)
    return Answer("\n\n".join(part for part in (text, _done(done)) if part), told | {"published": True, **_data(done)})


def _refused(loaded: Loaded) -> Answer:
    text = f"{checked(loaded)}\nNothing was published. Correct the errors and run it again."
    return Answer(text, {"published": False, "findings": [finding.as_json() for finding in loaded.findings]}, 1)


def _findings(findings: list[Finding]) -> str:
    return "".join(f"{finding.render()}\n" for finding in findings) + ("\n" if findings else "")


def _done(done: Published) -> str:
    if not done.changed:
        return f"Nothing changed: version {done.version} says the same."
    changed = ", ".join(f"{name} (revision {done.journeys[name]})" for name in done.changed_journeys)
    return f"Version {done.version} is published. Journeys with a new revision: {changed or 'none'}."


def _data(done: Published) -> dict[str, Any]:
    return {
        "version": done.version,
        "changed": done.changed,
        "journeys": done.journeys,
        "changed_journeys": list(done.changed_journeys),
    }
