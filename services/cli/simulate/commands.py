"""The command line of `wici simulate`; what it needs is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.doing import Folder, Json, do

if TYPE_CHECKING:
    from services.kit.settings import Settings


def simulate(
    folder: Folder = None,
    days: Annotated[int, typer.Option(min=1, max=1000, help="For so many days.")] = 30,
    people: Annotated[int, typer.Option(min=1, max=1_000_000, help="So many invented customers.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another number is another shop.")] = 1,
    since: Annotated[str | None, typer.Option("--from", help="The first day, such as 2026-11-01.")] = None,
    events: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="What happens: CloudEvents in JSON, one a line.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw each journey's flow, into this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Run the workspace for some days with an invented shop or given customers; say what it would do."""

    def work(settings: Settings) -> Any:
        from services.cli.simulate.command import Asked
        from services.cli.simulate.command import simulate as command

        return command(settings, Asked(days, people, seed, since, events, picture))

    do(work, as_json=as_json, workspace=folder)
