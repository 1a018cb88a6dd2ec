"""`wici`: the command line. Each command imports what it needs when it is called, so that --help is quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.customers.commands import Who, people
from services.cli.doing import Folder, Json, Yes
from services.cli.doing import do as _do
from services.cli.letters import letters
from services.cli.simulate.commands import simulate
from services.cli.testing.commands import try_journeys

if TYPE_CHECKING:
    from services.kit.settings import Settings

app = typer.Typer(
    name="wici",
    help="Event-driven marketing automation for online shops: the right message, once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
health = typer.Typer(invoke_without_command=True)
app.add_typer(health, name="doctor")
app.add_typer(letters, name="dead-letters")
app.add_typer(people, name="customers")
app.command("test")(try_journeys)

Host = Annotated[str, typer.Option(help="The address to listen on.")]
What = Annotated[str, typer.Argument(metavar="[JOURNEY|CHANNEL|all]", help="A journey, a channel, or all.")]


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    language: Annotated[str, typer.Option(help="The language of the recipes: pl or en.")] = "pl",
    as_json: Json = False,
) -> None:
    """Make a workspace to begin with: journeys, templates, settings."""

    def work(_: Settings) -> Any:
        from services.cli.init import init as command

        return command(folder, language)

    _do(work, as_json=as_json)


@app.command()
def up(
    host: Host = "127.0.0.1",
    follow: Annotated[
        bool, typer.Option(help="Publish the files as they are saved; else only wici apply publishes them.")
    ] = True,
) -> None:
    """Run everything in one process, with a database of its own unless WICI_DATABASE_URL names one."""

    def work(settings: Settings) -> Any:
        from services.cli.up import up as command

        return command(settings, os.environ, host, follow=follow)

    _do(work)


@app.command()
def run(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="gateway, trigger-engine, notifier or console.")],
    host: Host = "0.0.0.0",  # noqa: S104 -- a service in a container
) -> None:
    """Run one service, over the PostgreSQL and Kafka that WICI_DATABASE_URL and WICI_KAFKA name."""

    def work(settings: Settings) -> Any:
        from services.cli.run import run as command

        return command(service, settings, os.environ, host)

    _do(work)


@app.command()
def demo(
    kafka: Annotated[bool, typer.Option("--kafka", help="Separate processes over a real Kafka.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End after the story; exit 1 if a message is missing.")] = False,
    language: Annotated[str, typer.Option(help="The language of the recipes: pl or en.")] = "pl",
) -> None:
    """Play a small shop's day through the real HTTP addresses, and say what happened and why."""

    def work(settings: Settings) -> Any:
        from services.cli.demo.command import demo as command

        return command(settings, os.environ, kafka=kafka, once=once, language=language)

    _do(work)


@app.command()
def check(
    folder: Folder = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings count as errors.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a workspace, by file, line and column, and what to write instead."""

    def work(settings: Settings) -> Any:
        from services.cli.terminal import Answer
        from services.cli.workspace.command import check as command

        return Answer("", None, command(settings.workspace, as_json=as_json, strict=strict))

    _do(work, as_json=as_json, workspace=folder)


@app.command()
def plan(
    folder: Folder = None,
    out: Annotated[Path | None, typer.Option(help="Save the plan, for wici apply FILE.")] = None,
    as_json: Json = False,
) -> None:
    """Say what applying the workspace would change, and what becomes of those inside; nothing is done."""

    def work(settings: Settings) -> Any:
        from services.cli.plan.command import plan as command

        return command(settings, out)

    _do(work, as_json=as_json, workspace=folder)


@app.command()
def apply(
    folder: Annotated[
        Path | None, typer.Argument(help="The workspace's folder (default: WICI_WORKSPACE, or here), or a saved plan.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show the plan, ask, and publish the workspace; running services follow it without a restart."""

    def work(settings: Settings) -> Any:
        from services.cli.plan.command import apply as command

        return command(settings, yes=yes)

    _do(work, as_json=as_json, workspace=folder)


@app.command()
def backtest(
    folder: Folder = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The history: CloudEvents in JSON, one a line.")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="The history: the events topic as it is now.")] = False,
    since: Annotated[str | None, typer.Option("--from", help="The first day: 2026-11-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day, to whose end timers fire.")] = None,
    journeys: Annotated[str, typer.Option(help="Only these, with commas between them.")] = "",
    against: Annotated[int | None, typer.Option(help="A published version (default: that in force).")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Compare with nothing.")] = False,
    own_policies: Annotated[bool, typer.Option("--own-policies", help="Each version under its own policies.")] = False,
    customers: Annotated[bool, typer.Option("--customers", help="List who would hear something else.")] = False,
    customer: Annotated[str | None, typer.Option(help="List this customer's messages.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the answer as JSON.")] = None,
    as_json: Json = False,
) -> None:
    """Play the recorded history through the version in force and through the folder's; say what differs."""

    def work(settings: Settings) -> Any:
        from services.cli.backtest.command import Asked
        from services.cli.backtest.command import backtest as command

        only = tuple(name.strip() for name in journeys.split(",") if name.strip())
        asked = Asked(file, log, since, until, only, against, alone, own_policies, customers, customer, out)
        return command(settings, asked)

    _do(work, as_json=as_json, workspace=folder)


app.command()(simulate)


@app.command()
def rollback(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="One that was published, as wici log lists it.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Publish an earlier version again, as a new one, after showing the plan."""

    def work(settings: Settings) -> Any:
        from services.cli.plan.command import rollback as command

        return command(settings, version, yes=yes)

    _do(work, as_json=as_json)


@app.command()
def log(
    most: Annotated[int, typer.Option(help="How many lines.")] = 20,
    as_json: Json = False,
) -> None:
    """Who published, rolled back, paused and resumed, when, and from which commit."""

    def work(settings: Settings) -> Any:
        from services.cli.log import log as command

        return command(settings, most)

    _do(work, as_json=as_json)


@app.command()
def preview(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="The name of its folder.")],
    journey: Annotated[str | None, typer.Option(help="The journey whose event brings the data.")] = None,
    locale: Annotated[str | None, typer.Option(help="The customer's language, such as pl.")] = None,
    channel: Annotated[str | None, typer.Option(help="email or sms.")] = None,
    customer: Annotated[str | None, typer.Option(help="Use this customer's facts.")] = None,
    data: Annotated[Path | None, typer.Option(help="A JSON file with profile, event, cart.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None,
    browse: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a template says, with sample data or a customer's own."""

    def work(settings: Settings) -> Any:
        from services.cli.preview import preview as command
        from services.cli.preview import wanted

        return command(settings, wanted(template, journey, locale, channel, customer, data), out, browse=browse)

    _do(work, as_json=as_json)


@app.command("send-test")
def send_test(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="The name of its folder.")],
    to: Annotated[str, typer.Option(help="An e-mail address, or a phone number such as +48600100200.")],
    journey: Annotated[str | None, typer.Option(help="The journey whose event brings the data.")] = None,
    locale: Annotated[str | None, typer.Option(help="The customer's language, such as pl.")] = None,
    data: Annotated[Path | None, typer.Option(help="A JSON file with profile, event, cart.")] = None,
    as_json: Json = False,
) -> None:
    """Send one message of a template through the configured account, marked as a test."""

    def work(settings: Settings) -> Any:
        from services.cli.preview import wanted
        from services.cli.send_test import send_test as command

        return command(settings, os.environ, wanted(template, journey, locale, None, None, data), to)

    _do(work, as_json=as_json)


@app.command()
def pause(what: What = "all", as_json: Json = False) -> None:
    """Let nothing leave of a journey, over a channel, or at all. Messages wait."""

    def work(settings: Settings) -> Any:
        from services.cli.pause import pause as command

        return command(settings, what)

    _do(work, as_json=as_json)


@app.command()
def resume(what: What = "all", as_json: Json = False) -> None:
    """Lift a pause, or with all every one."""

    def work(settings: Settings) -> Any:
        from services.cli.pause import resume as command

        return command(settings, what)

    _do(work, as_json=as_json)


@app.command()
def clock(
    change: Annotated[str | None, typer.Argument(metavar="[+45m|reset]", help="How far to move forward.")] = None,
    as_json: Json = False,
) -> None:
    """Show or move marketing time, where WICI_CLOCK=movable."""

    def work(settings: Settings) -> Any:
        from services.cli.clock import clock as command

        return command(settings, change)

    _do(work, as_json=as_json)


@app.command()
def explain(
    who: Who,
    journey: Annotated[str | None, typer.Option(help="Tell only what concerns this journey.")] = None,
    at: Annotated[str | None, typer.Option(help="Tell only what happened within a day of this moment.")] = None,
    as_json: Json = False,
) -> None:
    """Why this customer got, or did not get, this."""

    def work(settings: Settings) -> Any:
        from services.cli.customers.explain import explain as command

        return command(settings, who, journey, at)

    _do(work, as_json=as_json)


@app.command()
def report(
    journey: Annotated[str | None, typer.Argument(metavar="[JOURNEY]", help="A journey; without one, all.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first day of entering: 2026-11-01.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day of entering.")] = None,
    attribution: Annotated[
        str, typer.Option(help="Who gets the credit of a goal: last_touch, first_touch or linear.")
    ] = "last_touch",
    as_json: Json = False,
) -> None:
    """What journeys were good for: who entered, what was said, goals, revenue, and lift against a holdout."""

    def work(settings: Settings) -> Any:
        from services.cli.report import tell as command

        return command(settings, journey, since, until, attribution)

    _do(work, as_json=as_json)


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to this version's schema, and create the topics."""

    def work(settings: Settings) -> Any:
        from services.cli.migrate import migrate as command

        return command(settings)

    _do(work, as_json=as_json)


@app.command()
def settings(as_json: Json = False) -> None:
    """What the environment resolves to, secrets masked."""

    def work(_: Settings) -> Any:
        from services.cli.settings import settings as command

        return command(os.environ)

    _do(work, as_json=as_json)


@health.callback()
def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Ask every dependency, and say what to do about what is found; or test one source."""
    if context.invoked_subcommand:
        return

    def work(settings: Settings) -> Any:
        from services.cli.doctor import doctor as command

        return command(settings, os.environ)

    _do(work, as_json=as_json)


@health.command("source")
def doctor_source(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source of the published workspace.")],
    url: Annotated[str, typer.Option(help="Where the gateway is, if not at WICI_PUBLIC_URL.")] = "",
    as_json: Json = False,
) -> None:
    """Send a signed test that has no effect, as the shop would, and say what is wrong and what cannot be seen."""

    def work(settings: Settings) -> Any:
        from services.cli.doctor_source import doctor_source as command

        return command(settings, os.environ, name, url)

    _do(work, as_json=as_json)


if __name__ == "__main__":
    main()
