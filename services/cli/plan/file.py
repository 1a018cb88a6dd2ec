"""A plan on disk: what was seen, and the workspace that it is of. References to secrets stay references."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from services.cli.audit import Commit
from services.cli.plan.proposal import Proposal
from services.cli.plan.report import as_json
from services.cli.publish import digest_of
from services.contracts.workspace import Workspace
from services.kit.errors import Misconfigured

FORMAT = 1


class Saved(msgspec.Struct, frozen=True):
    """A saved plan. `plan` is what was shown, and is not read again; `digest` is that of `workspace`, in hex."""

    wici_plan: int
    base: int
    made_at: datetime
    digest: str
    plan: dict[str, Any]
    workspace: Workspace
    commit: Commit | None = None


def save(plan: Proposal, commit: Commit | None, path: Path) -> None:
    """Write a plan, readable by whoever writes it alone."""
    saved = Saved(FORMAT, plan.base, plan.made_at, plan.digest.hex(), as_json(plan), plan.workspace, commit)
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(saved), indent=1))


def read(path: Path) -> Saved:
    """A saved plan. Misconfigured if it is none, or is not what was saved."""
    try:
        saved = msgspec.json.decode(path.read_bytes(), type=Saved)
    except msgspec.DecodeError as error:
        raise Misconfigured(f"{path} is no plan ({error}). Make one with: wici plan --out {path}") from error
    if saved.wici_plan != FORMAT or digest_of(saved.workspace).hex() != saved.digest:
        raise Misconfigured(f"{path} is not as wici has saved it. Make the plan again: wici plan --out {path}")
    return saved
