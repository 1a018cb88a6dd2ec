"""`wici.yaml`: the shop, its sources, providers, senders, links, teams and policies."""

from __future__ import annotations

from services.cli.workspace.shapes.journey import HOOK_PATTERN, NAME_PATTERN
from services.cli.workspace.shapes.policies import CLASSES, POLICIES
from services.cli.workspace.shapes.providers import PROVIDERS, SOURCE
from services.cli.workspace.shapes.vocabulary import (
    Anything,
    ByKind,
    Choice,
    ListOf,
    Names,
    Number,
    Secret,
    Table,
    Text,
)

_WEB = Text("a web address", r"https?://[^\s/]+\S*", "https://sklep.example")
_MAILBOX = Text(
    "RFC 5322, with or without a name",
    r'[^<>"\s,;@]+@[^<>"\s,;@]+|[^<>\r\n]{0,200}<[^<>\s,;@]+@[^<>\s,;@]+>',
    '"Sklep <sklep@sklep.example>"',
)
_ADDRESS = Text("an e-mail address", r'[^<>"\s,;@]+@[^<>"\s,;@]+', "pomoc@sklep.example")

_UTM = Text(
    "with {channel} and {journey} in it, if need be", r"([^{}\r\n]|\{channel\}|\{journey\}){1,200}", '"{journey}"'
)

SHOP = Table(
    {
        "name": Text("as customers know it", like="Sklep"),
        "url": _WEB,
        "locale": Text("BCP 47", r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", "pl"),
        "currency": Text("ISO 4217", r"[A-Z]{3}", "PLN"),
        "time_zone": Text("IANA", like="Europe/Warsaw"),
        "country": Text("ISO 3166-1, for public holidays; the time zone's if absent", r"[A-Z]{2}", "PL"),
        "address": Text("postal, for the footer", like="ul. Prosta 1, 00-001 Warszawa"),
        "address_form": Choice(("first_name", "pan_pani", "neutral"), "how customers are addressed"),
        "legal": Table(
            {
                "company": Text(), "nip": Text(like="1234567890"), "krs": Text(), "court": Text(), "capital": Text(),
                "privacy_url": _WEB, "terms_url": _WEB,
            },
            about="who stands behind the shop",
        ),
        "free_delivery_from": Number("in the shop's currency", least=0),
        "return_days": Number("days to return a parcel", least=0, whole=True),
        "brands": Names(Anything(), "several brands under one roof"),
        "colour": Text("of the pages that links lead to", r"#[0-9a-fA-F]{6}", '"#2f6f4f"'),
    },
    required=("name", "url", "locale", "currency", "time_zone"),
    about="the shop that speaks",
)  # fmt: skip
_SAID = ByKind(
    scalar=Text(like="News"),
    mapping=Names(Text(like="News"), "by language", pattern=r"[a-z]{2,3}", like="pl"),
    wanted="a text, or one for each language",
    like="{pl: Nowości, en: News}",
)
_SENDER = Table(
    {
        "email": _MAILBOX,
        "reply_to": _ADDRESS,
        "sms": Text("up to 11 letters, or a number", r"[A-Za-z0-9 ._&-]{1,11}|\+?[0-9]{3,15}", "Sklep"),
    },
    like='{email: "Sklep <sklep@sklep.example>", sms: Sklep}',
)
SETTINGS = Table(
    {
        "shop": SHOP,
        "sources": Names(SOURCE, "where events come from", like="backend"),
        "providers": PROVIDERS,
        "senders": Table(dict.fromkeys(CLASSES, _SENDER), about="who a message class comes from"),
        "links": Table(
            {
                "domain": Text("of tracked links", r"[a-z0-9.-]+\.[a-z]{2,}", "l.sklep.example"),
                "track": Choice(("marketing", "all", "off"), "whose opens and clicks are told"),
                "utm": Table(
                    dict.fromkeys(("source", "medium", "campaign", "content", "term"), _UTM),
                    about="what links to the shop gain",
                    like='{source: wici, medium: "{channel}", campaign: "{journey}"}',
                ),
            },
            about="what becomes of links in messages",
        ),
        "webhooks": Table(
            {
                "secret": Secret("signs what is sent: whsec_ and base64"),
                "allow": ListOf(
                    Text("host:port", r"[A-Za-z0-9._-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}", "crm.internal:8080"),
                    "hosts of the own network, which may be private and without TLS",
                    alone=True,
                ),
            },
            required=("secret",),
            about="what the step webhook sends to the shop's own systems",
            like="{secret: $HOOK_SECRET}",
        ),
        "teams": Names(
            Table(
                {"email": _ADDRESS, "webhook": Text("$NAME, or https", HOOK_PATTERN, "$TEAM_URL")},
                like="{email: support@sklep.example, webhook: $TEAM_URL}",
            ),
            "people whom the step alert tells of a customer",
            like="support",
        ),
        "topics": Names(
            Table({"title": _SAID, "about": _SAID}, required=("title",), like="{title: News}"),
            "what customers choose in the preference centre; a journey says which by topic:",
            pattern=NAME_PATTERN,
            like="cart-reminders",
        ),
        "policies": POLICIES,
    },
    required=("shop", "sources", "providers"),
    about="wici.yaml: the shop, its sources, providers and policies",
    like="begin it with 'shop:'",
)
