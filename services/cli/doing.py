"""What every command line of `wici` shares: its common options, and how the work of a command is done."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from services.kit.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Folder = Annotated[Path | None, typer.Argument(help="The workspace's folder (default: WICI_WORKSPACE, or here).")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def do(work: Callable[[Settings], Any], *, as_json: bool = False, workspace: Path | None = None) -> NoReturn:
    """Read the settings, do `work`, print its answer, and end with its exit code."""
    from services.cli.terminal import answer

    def settled() -> Any:
        from services.kit.settings import from_environment

        settings = from_environment(os.environ)
        return work(replace(settings, workspace=workspace) if workspace else settings)

    raise typer.Exit(answer(settled, as_json=as_json))
