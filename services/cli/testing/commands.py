"""`wici test` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.doing import Folder, Json, do

if TYPE_CHECKING:
    from services.kit.settings import Settings


def try_journeys(
    folder: Folder = None,
    only: Annotated[
        str, typer.Option("-k", metavar="TEXT", help="Those of this journey, or with this in journey or title.")
    ] = "",
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, for CI.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Play them again whenever a file changes.")] = False,
    as_json: Json = False,
) -> None:
    """Play the journeys' tests at a clock of their own, and say what came otherwise and what is not tested."""

    def work(settings: Settings) -> Any:
        from services.cli.terminal import Answer
        from services.cli.testing import command

        if watch:
            return Answer("", None, command.watch(settings.workspace, only, junit))
        return command.play(settings.workspace, only, junit)

    do(work, as_json=as_json, workspace=folder)
