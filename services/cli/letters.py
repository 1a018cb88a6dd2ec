"""`wici dead-letters …`: its commands as they are typed. Each imports what it needs when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.doing import Json, Yes, do

if TYPE_CHECKING:
    from services.kit.settings import Settings

letters = typer.Typer(help="Records that could not be processed.", no_args_is_help=True)

Letter = Annotated[
    str, typer.Argument(metavar="NAME", help="PARTITION/OFFSET or timer/ID, as `list` shows it; or all.")
]


@letters.command("list")
def list_letters(as_json: Json = False) -> None:
    """What waits for somebody to look at it."""

    def work(settings: Settings) -> Any:
        from services.cli.dead_letters import list_letters as command

        return command(settings)

    do(work, as_json=as_json)


@letters.command("show")
def show_letter(name: Letter, as_json: Json = False) -> None:
    """One record, its reason and where it came from."""

    def work(settings: Settings) -> Any:
        from services.cli.dead_letters import show as command

        return command(settings, name)

    do(work, as_json=as_json)


@letters.command()
def replay(name: Letter, as_json: Json = False) -> None:
    """Append a record at the end of its topic again, once its cause is mended."""

    def work(settings: Settings) -> Any:
        from services.cli.dead_letters import replay_letters as command

        return command(settings, name)

    do(work, as_json=as_json)


@letters.command()
def drop(name: Letter, yes: Yes = False, as_json: Json = False) -> None:
    """Mark a record as done with."""

    def work(settings: Settings) -> Any:
        from services.cli.dead_letters import drop as command

        return command(settings, name, yes=yes)

    do(work, as_json=as_json)
