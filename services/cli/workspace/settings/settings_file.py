"""`wici.yaml` → the published settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, cast
from zoneinfo import available_timezones

from services.cli.workspace.findings import Place, short, write_instead
from services.cli.workspace.reading.positions import Mapping, Node, Scalar, Sequence, plain
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.settings.policies import policies
from services.cli.workspace.settings.topic_source import check_topic_source
from services.cli.workspace.shapes.providers import (
    EMAIL_WITHOUT_ADAPTER,
    SMS_WITHOUT_ADAPTER,
    STOREFRONTS_WITHOUT_ADAPTER,
)
from services.cli.workspace.shapes.settings import SETTINGS
from services.contracts.message import CHANNELS
from services.contracts.policies import money
from services.contracts.settings import (
    WEBHOOK_ACCOUNT,
    Account,
    Links,
    Policies,
    Sender,
    Settings,
    Shop,
    Source,
    Team,
    Topic,
    Webhooks,
)
from services.kit.secrets import is_reference
from services.trigger_engine.policies.public_holidays import is_known
from services.trigger_engine.profiles.identifiers import country

FREE = frozenset({"mailbox"})
WITHOUT_ADAPTER = frozenset(STOREFRONTS_WITHOUT_ADAPTER + EMAIL_WITHOUT_ADAPTER + SMS_WITHOUT_ADAPTER)


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name` as it stands in `wici.yaml`: whoever starts a service must set it."""

    name: str
    place: Place


def read_settings(node: Node, sheet: Sheet, own_types: Collection[str] = ()) -> Settings:
    """The settings of a `wici.yaml`. Where the sheet then has errors, the result has gaps and must not be used.

    `own_types` are the shop's own event types.
    """
    row = read(SETTINGS, node, sheet, "wici.yaml") or Row(node, {})
    shop, policy = _shop(row.row("shop"), sheet), policies(row.row("policies"), sheet)
    _check_holidays(row, shop, policy, sheet)
    _check_prices(row.row("providers"), policy, sheet)
    return Settings(
        shop=shop,
        sources={
            name: _source(source, sheet, own_types)
            for name, source in row.named("sources").items()
            if isinstance(source, Row)
        },
        accounts=tuple(_accounts(row.row("providers"), sheet)),
        senders={name: _sender(sender) for name, sender in _rows(row.row("senders"))},
        policies=policy,
        links=_links(row.row("links")),
        webhooks=_webhooks(row.row("webhooks")),
        teams=dict(_teams(row, sheet)),
        topics={name: _topic(topic) for name, topic in row.named("topics").items() if isinstance(topic, Row)},
    )


def references(node: Node | None) -> Iterator[Reference]:
    """Every `$NAME` in the file, in its order: what the environment must hold. `check` does not ask for them."""
    if isinstance(node, Mapping):
        for value in node.values.values():
            yield from references(value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from references(item)
    elif isinstance(node, Scalar) and is_reference(node.text):
        yield Reference(node.text[1:], node.place)


def _shop(row: Row | None, sheet: Sheet) -> Shop:
    if row is None:
        return Shop("", "", "", "", "")
    zone = row.text("time_zone")
    if zone and zone not in available_timezones():
        hint = write_instead(zone, available_timezones(), "write an IANA name such as Europe/Warsaw")
        sheet.error(row.at("time_zone"), "bad-value", f"{short(zone)} is no time zone", hint)
    days = row.number("return_days")
    return Shop(
        name=row.text("name"),
        url=row.text("url"),
        locale=row.text("locale"),
        currency=row.text("currency"),
        time_zone=zone,
        country=row.text("country"),
        address=row.text("address"),
        address_form=cast("Literal['first_name', 'pan_pani', 'neutral']", row.text("address_form", "first_name")),
        legal={key: str(value) for key, value in (row.row("legal") or Row(row.node, {})).values.items()},
        free_delivery_from=row.amount("free_delivery_from"),
        return_days=None if days is None else int(days),
        brands=row.named("brands"),
        colour=row.text("colour"),
    )


def _check_holidays(row: Row, shop: Shop, policy: Policies, sheet: Sheet) -> None:
    """Where public holidays are quiet, the shop's country must be one whose holidays are known."""
    if not any(quiet.holidays for quiet in policy.quiet_hours.values()):
        return
    home = shop.country or country(shop.time_zone, shop.locale)
    if not is_known(home):
        message = f"the public holidays of {short(home)} are not known" if home else "in which country is the shop?"
        hint = "write shop.country, such as PL, or leave public_holidays out"
        sheet.error((row.row("shop") or row).at("country"), "bad-value", message, hint)


def _check_prices(providers: Row | None, policy: Policies, sheet: Sheet) -> None:
    """Where the brake counts what SMS cost, each account says it in the same currency; the mailbox costs nothing."""
    limit = policy.brake.sms_cost_per_day if policy.brake else None
    if limit is None or providers is None:
        return
    for row in providers.rows("sms"):
        price = row.maybe("price")
        if row.text("provider") in FREE | WITHOUT_ADAPTER:
            continue
        if row.node_of("price") is None:
            message = f"the brake counts what SMS cost, and account {short(row.text('name'))} does not say it"
            hint = f"write what one part costs, such as price: 0.09 {limit.currency}, or leave sms_cost_per_day out"
            sheet.error(row.at("price"), "missing-key", message, hint)
        elif price is not None and money(price).currency != limit.currency:
            message = f"the brake counts in {limit.currency}, and this is another currency"
            sheet.error(row.at("price"), "bad-value", message, f"write the price in {limit.currency}")


def _source(row: Row, sheet: Sheet, own_types: Collection[str]) -> Source:
    storefront = row.text("storefront")
    if storefront == "kafka":
        check_topic_source(row, sheet, own_types)
    _warn_without_adapter(row, "storefront", sheet)
    known = ("storefront", "keys", "browser_keys", "secrets", "map")
    return Source(
        storefront=storefront,
        keys=row.texts("keys"),
        browser_keys=row.texts("browser_keys"),
        secrets=row.texts("secrets"),
        map={key: value for key, value in row.named("map").items() if isinstance(value, str)},
        options={key: value for key, value in plain(row.node).items() if key not in known},
    )


def _accounts(providers: Row | None, sheet: Sheet) -> Iterator[Account]:
    if providers is None:
        return
    taken: dict[str, Place] = {}
    for channel in CHANNELS:
        for row in providers.rows(channel):
            name = row.text("name")
            if name == WEBHOOK_ACCOUNT:
                message = "the account that sends webhooks has this name"
                sheet.error(row.at("name"), "reserved-name", message, "write another name, such as main")
            if name in taken:
                hint = f"the account in line {taken[name].line} has it; callbacks are told apart by the name"
                sheet.error(row.at("name"), "duplicate-name", f"two accounts are named {short(name)}", hint)
            taken.setdefault(name, row.at("name"))
            _warn_without_adapter(row, "provider", sheet)
            options = {key: value for key, value in plain(row.node).items() if key not in ("name", "provider")}
            if "settle_after" in options:
                options["settle_after"] = row.number("settle_after")
            yield Account(name, row.text("provider"), channel, options)


def _warn_without_adapter(row: Row, key: str, sheet: Sheet) -> None:
    if row.text(key) in WITHOUT_ADAPTER:
        hint = "nothing comes from it" if key == "storefront" else "no message leaves through it"
        sheet.warning(row.at(key), "no-adapter", f"'{row.text(key)}' is not connected in this version", hint)


def _links(row: Row | None) -> Links:
    if row is None:
        return Links()
    track = cast("Literal['marketing', 'all', 'off']", row.text("track", "marketing"))
    utm = row.row("utm")
    return Links(row.maybe("domain"), track, {key: str(value) for key, value in utm.values.items()} if utm else {})


def _webhooks(row: Row | None) -> Webhooks:
    return Webhooks(row.maybe("secret"), row.texts("allow")) if row else Webhooks()


def _teams(row: Row, sheet: Sheet) -> Iterator[tuple[str, Team]]:
    """Each team can be told; what tells it by a webhook is signed."""
    for name, team in row.named("teams").items():
        if not isinstance(team, Row):
            continue
        if not plain(team.node):
            hint = "write email: …, webhook: $TEAM_URL, or both"
            sheet.error(team.node.place, "missing-key", f"nothing leads to the team {short(name)}", hint)
        if "webhook" in team and row.node_of("webhooks") is None:
            hint = "write webhooks: {secret: $HOOK_SECRET} in wici.yaml"
            sheet.error(team.key_at("webhook"), "no-account", "no secret signs webhooks", hint)
        yield name, Team(team.maybe("email"), team.maybe("webhook"))


def _sender(row: Row) -> Sender:
    return Sender(row.maybe("email"), row.maybe("reply_to"), row.maybe("sms"))


def _topic(row: Row) -> Topic:
    return Topic(_by_language(row, "title"), _by_language(row, "about"))


def _by_language(row: Row, key: str) -> dict[str, str]:
    text = row.maybe(key)
    return row.named(key) if text is None else {"": text}


def _rows(row: Row | None) -> Iterator[tuple[str, Row]]:
    for name, value in (row.values if row else {}).items():
        if isinstance(value, Row):
            yield name, value
