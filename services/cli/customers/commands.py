"""`wici customers …`: its commands as they are typed. Each imports what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.doing import Json, Yes, do

if TYPE_CHECKING:
    from services.kit.settings import Settings

people = typer.Typer(help="What is known of a customer.", no_args_is_help=True)

Who = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="The shop's customer id, an e-mail, a phone, or a profile id.")
]
Whoever = Annotated[list[str], typer.Argument(metavar="CUSTOMER...", help="Those to be erased, named likewise.")]
Also = Annotated[list[str] | None, typer.Option(metavar="TEXT", help="With --verify, search for this text too.")]


@people.command("show")
def show_customer(
    who: Who,
    as_json: Json = False,
) -> None:
    """Facts, consents, journeys and messages of one customer."""

    def work(settings: Settings) -> Any:
        from services.cli.customers.show import show as command

        return command(settings, who)

    do(work, as_json=as_json)


@people.command("export")
def export_customer(who: Who, as_json: Json = False) -> None:
    """Everything that is known of one customer, as JSON: for a request under GDPR art. 15 or 20."""

    def work(settings: Settings) -> Any:
        from services.cli.customers.export import export as command

        return command(settings, who)

    do(work, as_json=as_json)


@people.command("erase")
def erase_customers(
    who: Whoever,
    verify: Annotated[bool, typer.Option("--verify", help="Search every table and the log for what is left.")] = False,
    also: Also = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase customers, and wait until it is done (GDPR art. 17)."""

    def work(settings: Settings) -> Any:
        from services.cli.customers.erase import erase as command

        return command(settings, who, verify=verify, yes=yes, texts=also or ())

    do(work, as_json=as_json)


@people.command("erased")
def erased_customers(
    out: Annotated[Path | None, typer.Option(help="Add who was erased to this file, as digests.")] = None,
    reapply: Annotated[Path | None, typer.Option(help="After a restore: erase again whom this file lists.")] = None,
    as_json: Json = False,
) -> None:
    """The ledger of erasures: keep it apart from the database, and apply it again after a restore."""

    def work(settings: Settings) -> Any:
        from services.cli.customers.ledger import erased as command

        return command(settings, out, reapply)

    do(work, as_json=as_json)
