"""`wici.yaml`: the whole of it is understood; what has no engine yet is a warning that names it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from services.cli.workspace.findings import Place
from services.cli.workspace.settings.settings_file import Reference
from services.cli.workspace.shapes.policies import DERIVED
from services.cli.workspace.shapes.providers import (
    EMAIL_WITHOUT_ADAPTER,
    SMS_WITHOUT_ADAPTER,
    STOREFRONTS_WITHOUT_ADAPTER,
)
from services.contracts.policies import Brake, Cap, Money, QuietHours
from services.contracts.settings import (
    Account,
    Anniversary,
    Browse,
    Derive,
    Lapsed,
    Sender,
    Settings,
    Source,
    Team,
    Threshold,
    Unpaid,
    Yearly,
)
from services.notifier.providers import PROVIDERS
from tests.unit.workspace.folder import SETTINGS, loaded, said, settings, the

FULL = """\
shop:
  name: Sklep
  url: https://shop.example
  locale: pl
  currency: PLN
  time_zone: Europe/Warsaw
  address: ul. Prosta 1, Warszawa
  address_form: pan_pani
  legal: {company: Sklep sp. z o.o., nip: 1234567890, privacy_url: https://shop.example/privacy}
  free_delivery_from: 199.90
  return_days: 30
  brands: {zielnik: {url: https://zielnik.example}}
sources:
  sklep: {storefront: shopify, secrets: [$SKLEP_SECRET], map: {consents.email: meta_data.zgoda_newsletter}}
  backend: {storefront: http, keys: [$BACKEND_KEY], browser_keys: [$PAGE_KEY]}
providers:
  email:
    - {name: main, provider: sendgrid, api_key: $SENDGRID_KEY, callback_key: $SENDGRID_PUBLIC_KEY}
    - {name: second, provider: resend, api_key: $RESEND_KEY, callback_key: [$OLD, $NEW], rate: 2.5, batch: 1,
       settle_after: 2 minutes}
  sms:
    - {name: pl, provider: smsapi, price: 0.09 PLN, token: $SMSAPI_TOKEN, from: Sklep,
       base_url: "https://api.smsapi.com"}
senders:
  transactional: {email: "Sklep <zamowienia@shop.example>", reply_to: pomoc@shop.example, sms: Sklep}
  marketing: {email: nowosci@news.shop.example}
links: {domain: l.shop.example, utm: {source: wici, medium: "{channel}", campaign: "{journey}"}}
webhooks: {secret: $HOOK_SECRET}
teams: {support: {email: support@shop.example, webhook: $TEAM_URL}}
policies:
  classes: {opinion: marketing}
  quiet_hours: {sms: {hours: 20:00-09:00, also: [sunday, public_holidays], then: wait}, email: none}
  caps: [{channel: sms, class: marketing, at_most: 2, per: 7 days, then: drop}]
  brake: {per_journey_and_hour: 5000, sms_cost_per_day: 200 PLN}
  derive:
    cart.abandoned: 30 minutes
    order.unpaid: {after: 2 hours, except: [cash_on_delivery]}
    order.milestone: [2, 5, 10]
    spend.threshold_crossed: {steps: [100, 250.50], currency: EUR, counts: placed, without: []}
    customer.lapsed: {usual_gap_times: 2, at_least: 60 days, default: 120 days}
"""


def read(home: Path, text: str) -> Settings:
    found = loaded(home, {"wici.yaml": text})
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace.settings


def test_everything_that_wici_yaml_can_say_is_kept(tmp_path: Path) -> None:
    found = read(tmp_path, FULL)
    assert found.shop.free_delivery_from == Decimal("199.9")
    assert (found.shop.address_form, found.shop.return_days) == ("pan_pani", 30)
    assert found.shop.legal["nip"] == "1234567890"
    assert found.sources["backend"] == Source("http", keys=("$BACKEND_KEY",), browser_keys=("$PAGE_KEY",))
    assert found.sources["sklep"].map == {"consents.email": "meta_data.zgoda_newsletter"}
    assert [(account.name, account.channel) for account in found.accounts] == [
        ("main", "email"), ("second", "email"), ("pl", "sms"),
    ]  # fmt: skip
    assert found.accounts[1].options == {
        "api_key": "$RESEND_KEY", "callback_key": ["$OLD", "$NEW"], "rate": 2.5, "batch": 1,
        "settle_after": 120.0,
    }  # fmt: skip
    assert found.senders["marketing"] == Sender(email="nowosci@news.shop.example")
    assert found.links.utm["medium"] == "{channel}"
    assert found.teams == {"support": Team("support@shop.example", "$TEAM_URL")}
    assert found.policies.classes == {"opinion": "marketing"}
    assert found.policies.derive == Derive(
        cart_abandoned=1_800.0,
        spend_threshold=Threshold((Decimal(100), Decimal("250.5")), "EUR", "lifetime", "placed", ()),
    )
    assert found.policies.quiet_hours == {"sms": QuietHours(1200, 540, (6,), holidays=True)}
    assert found.policies.caps == (Cap(2, 7 * 86_400.0, "sms", "marketing", then="drop"),)
    assert found.policies.brake == Brake(5_000, Money(Decimal(200), "PLN"))


def test_everything_that_is_kept_is_applied(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"wici.yaml": FULL}).findings == []


@pytest.mark.parametrize(
    ("written", "rule", "hint"),
    [
        ("", "missing-key", "write what one part costs, such as price: 0.09 PLN, or leave sms_cost_per_day out"),
        (", price: 0.02 EUR", "bad-value", "write the price in PLN"),
        (", price: much", "bad-value", "write it like: 0.09 PLN"),
    ],
)
def test_an_sms_account_says_what_the_brake_counts(tmp_path: Path, written: str, rule: str, hint: str) -> None:
    text = FULL.replace(", price: 0.09 PLN", written)
    (finding,) = loaded(tmp_path, {"wici.yaml": text}).findings
    assert (finding.rule, finding.severity, finding.hint) == (rule, "error", hint)
    assert finding.line == next(n for n, one in enumerate(text.splitlines(), 1) if "name: pl" in one)


def test_no_price_is_asked_for_where_the_brake_counts_no_money(tmp_path: Path) -> None:
    text = FULL.replace(", price: 0.09 PLN", "").replace(", sms_cost_per_day: 200 PLN", "")
    assert loaded(tmp_path, {"wici.yaml": text}).findings == []


def test_an_email_account_has_no_price_of_parts(tmp_path: Path) -> None:
    (finding,) = loaded(tmp_path, {"wici.yaml": FULL.replace("rate: 2.5", "price: 1 PLN")}).findings
    assert finding.rule == "unknown-key"


def test_nothing_is_warned_about_where_nothing_is_asked_for(tmp_path: Path) -> None:
    none = "policies: {quiet_hours: {sms: none, email: none}, caps: [], derive: {order.unpaid: off}}\n"
    assert loaded(tmp_path, {"wici.yaml": SETTINGS + none}).findings == []


def test_the_shortest_settings_get_every_default(tmp_path: Path) -> None:
    found = read(tmp_path, SETTINGS)
    assert found.policies.derive == Derive()
    assert found.accounts[0] == Account("main", "mailbox", "email")
    assert found.shop.address_form == "first_name"


def test_off_switches_a_derived_event_off(tmp_path: Path) -> None:
    every = ", ".join(f"{kind}: off" for kind in DERIVED)
    found = read(tmp_path, SETTINGS + f"policies: {{derive: {{{every}}}}}\n").policies.derive
    assert not any(msgspec.structs.astuple(found))


def test_what_is_written_of_a_derived_event_goes_over_its_defaults(tmp_path: Path) -> None:
    written = """policies:
  derive:
    order.unpaid: {after: 1 hour}
    order.milestone: [3]
    cart.emptied: 10 minutes
    checkout.abandoned: {after: 2 hours}
    browse.abandoned: {views: 5}
    customer.lapsed: {at_least: 30 days}
    customer.birthday: {at: "08:30"}
    customer.anniversary: {of: [signup, first_order]}
    spend.threshold_crossed: {per: year, without: []}
    product.price_dropped: {at_least: 12.5%}
    product.back_in_stock: on
"""
    assert read(tmp_path, SETTINGS + written).policies.derive == Derive(
        order_unpaid=Unpaid(3_600.0),
        order_milestone=(3,),
        cart_emptied=600.0,
        checkout_abandoned=7_200.0,
        browse_abandoned=Browse(views=5),
        customer_lapsed=Lapsed(at_least=2_592_000.0),
        customer_birthday=Yearly("08:30"),
        customer_anniversary=Anniversary(("first_order", "signup")),
        spend_threshold=Threshold(per="year", without=()),
        price_dropped=12.5,
        back_in_stock=True,
    )


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("order.unpaid: {after: 2 hours, exept: [x]}", "except"),
        ("spend.threshold_crossed: {per: 365 days}", "year"),
        ("customer.birthday: {at: noon}", "09:00"),
        ("browse.abandoned: {views: 1}", "2"),
        ("cart.emptied: soon", "off"),
        ("customer.anniversary: {of: [birth]}", "first_order"),
        ("order.milestone: [two]", "number"),
    ],
)
def test_a_mistake_in_a_derived_event_says_what_to_write(tmp_path: Path, written: str, hint: str) -> None:
    text = SETTINGS + f"policies: {{derive: {{{written}}}}}\n"
    (finding,) = loaded(tmp_path, {"wici.yaml": text}).findings
    assert finding.severity == "error"
    assert finding.line == text.count("\n")
    assert hint in f"{finding.message} {finding.hint}"


def test_a_threshold_keeps_the_defaults_that_it_does_not_name(tmp_path: Path) -> None:
    named = "policies: {derive: {spend.threshold_crossed: {currency: PLN}}}\n"
    assert read(tmp_path, SETTINGS + named).policies.derive.spend_threshold == Threshold(currency="PLN")


def test_every_reference_to_the_environment_is_known_with_its_place(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"wici.yaml": FULL})
    assert [reference.name for reference in found.references] == [
        "SKLEP_SECRET", "BACKEND_KEY", "PAGE_KEY", "SENDGRID_KEY", "SENDGRID_PUBLIC_KEY", "RESEND_KEY", "OLD", "NEW",
        "SMSAPI_TOKEN", "HOOK_SECRET", "TEAM_URL",
    ]  # fmt: skip
    assert found.references[1] == Reference("BACKEND_KEY", Place(15, 38))


@pytest.mark.parametrize("name", STOREFRONTS_WITHOUT_ADAPTER)
def test_a_known_storefront_without_an_adapter_is_a_warning(tmp_path: Path, name: str) -> None:
    found = the(settings(tmp_path, "backend:", f"other: {{storefront: {name}, secrets: [$S], shop_id: 7}}\n  backend:"))
    assert (found.rule, found.severity, found.place) == ("no-adapter", "warning", "wici.yaml:3:23")


@pytest.mark.parametrize(
    ("channel", "name"),
    [*(("email", name) for name in EMAIL_WITHOUT_ADAPTER), *(("sms", name) for name in SMS_WITHOUT_ADAPTER)],
)
def test_a_known_provider_without_an_adapter_is_a_warning(tmp_path: Path, channel: str, name: str) -> None:
    found = the(settings(tmp_path, f"{channel}: [", f"{channel}: [{{name: x, provider: {name}, key: $K}}, "))
    assert (found.rule, found.severity) == ("no-adapter", "warning")


def test_no_provider_with_an_adapter_is_called_one_without() -> None:
    assert not set(PROVIDERS) & {*EMAIL_WITHOUT_ADAPTER, *SMS_WITHOUT_ADAPTER}


@pytest.mark.parametrize(
    ("old", "new", "place", "rule", "hint"),
    [
        ("storefront: http", "storefront: htp", "wici.yaml:3:25", "unknown-storefront", "http"),
        ("storefront: http, ", "", "wici.yaml:3:12", "missing-key", "http"),
        ("provider: mailbox}]\n  sms", "provider: mailbx}]\n  sms", "wici.yaml:5:34", "unknown-provider", "mailbox"),
        ("name: main, ", "", "wici.yaml:5:11", "missing-key", "name: main"),
        ("name: text", "name: main", "wici.yaml:6:16", "duplicate-name", "line 5"),
        ("name: main", "name: Main Mail", "wici.yaml:5:18", "bad-name", "main"),
        ("currency: PLN", "currency: zl", "wici.yaml:1:73", "bad-value", "PLN"),
        ("Europe/Warsaw", "Europe/Warszawa", "wici.yaml:1:89", "bad-value", "Europe/Warsaw"),
        ("locale: pl, ", "", "wici.yaml:1:7", "missing-key", "locale"),
        ("locale: pl", "locale: polski język", "wici.yaml:1:59", "bad-value", "pl"),
        ('"https://sklep.example"', "sklep.example", "wici.yaml:1:26", "bad-value", "https://"),
        ("sources:", "source:", "wici.yaml:2:1", "unknown-key", "sources"),
        ("keys: [$BACKEND_KEY]", "keys: []", "wici.yaml:3:37", "bad-value", "at least 1"),
        ("keys: [$BACKEND_KEY]", "keyss: {}", "wici.yaml:3:31", "unknown-key", "keys"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(
    tmp_path: Path, old: str, new: str, place: str, rule: str, hint: str
) -> None:
    found = settings(tmp_path, old, new)
    assert (place, rule) in said(found)
    assert hint in next(finding.hint for finding in found if finding.rule == rule)


@pytest.mark.parametrize(
    ("policies", "rule"),
    [
        ("derive: {cart.abandoned: soon}", "bad-duration"),
        ("derive: {cart.abandoned: {after: soon}}", "bad-duration"),
        ("derive: {cart.abandond: off}", "unknown-key"),
        ("derive: {spend.threshold_crossed: {steps: [500, 200]}}", "bad-value"),
        ("derive: {spend.threshold_crossed: {steps: []}}", "bad-value"),
        ("derive: {spend.threshold_crossed: {steps: [many]}}", "wrong-kind"),
        ("derive: {order.milestone: [1.5]}", "bad-value"),
        ("classes: {opinion: promo}", "bad-value"),
        ("quiet_hours: {sms: {hours: at night}}", "bad-cron-or-time"),
        ("quiet_hours: {fax: none}", "unknown-key"),
        ("caps: [{class: marketing, per: 1 day}]", "missing-key"),
        ("caps: {}", "wrong-kind"),
        ("brake: {sms_cost_per_day: much}", "bad-value"),
        ("sms_opt_out: never", "bad-value"),
    ],
)
def test_a_mistake_in_a_policy_is_refused_with_advice(tmp_path: Path, policies: str, rule: str) -> None:
    found = loaded(tmp_path, {"wici.yaml": f"{SETTINGS}policies:\n  {policies}\n"})
    refused = the([finding for finding in found.findings if finding.severity == "error"])
    assert (refused.rule, refused.line) == (rule, 8)
    assert refused.hint
    assert found.workspace is None


@pytest.mark.parametrize("secret", ["sk_live_0123456789", "$0123456789", "$sk-live"])
def test_a_secret_in_the_file_is_refused_and_never_shown(tmp_path: Path, secret: str) -> None:
    found = the(settings(tmp_path, "$BACKEND_KEY", secret))
    assert found.rule in {"secret-in-file", "bad-reference"}
    assert found.place == "wici.yaml:3:38"
    assert secret not in found.render()
    assert "$" in found.hint


def test_a_provider_takes_only_its_own_options(tmp_path: Path) -> None:
    found = the(settings(tmp_path, "provider: mailbox}]\n  sms", "provider: resend, api_kee: $K}]\n  sms")[:1])
    assert found.rule in {"missing-key", "unknown-key"}
    wrong = settings(tmp_path, "provider: mailbox}]\n  sms", "provider: resend, api_key: $K, token: $T}]\n  sms")
    assert said(wrong) == [("wici.yaml:5:55", "unknown-key")]


def test_the_global_holdout_is_a_share_in_percent(tmp_path: Path) -> None:
    for written, share in (("{holdout: 2.5%}", 2.5), ("{}", 0.0)):
        found = loaded(tmp_path, {"wici.yaml": f"{SETTINGS}policies: {written}\n"})
        assert found.findings == []
        assert found.workspace is not None
        assert found.workspace.settings.policies.holdout == share
