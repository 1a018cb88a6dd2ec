"""Steps: short forms, ids that stay, and what a reader of the file would not see at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.workspace.shapes.journey import STEP
from services.contracts.journey import (
    Arm,
    Branch,
    Clock,
    Rule,
    Send,
    Set,
    Share,
    Split,
    Start,
    Step,
    Stop,
    Tag,
    Wait,
    WaitFor,
)
from tests.unit.workspace.folder import JOURNEY, MAIL, SETTINGS, loaded, said, steps, the

HEAD = JOURNEY[: JOURNEY.index("  - send")]


def read(home: Path, text: str) -> tuple[Step, ...]:
    written = HEAD + "".join(f"  {line}\n" for line in text.splitlines())
    found = loaded(home, {"journeys/hello.yaml": written})
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace.journeys[0].steps


def test_a_send_names_one_channel_the_first_of_several_or_all(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
- {send: hello, via: email}
- {send: hello, via: {first: [sms, email]}, otherwise: exit, class: marketing}
- {send: hello, via: {all: [email, sms]}, on_unknown: retry, id: both}
""",
    )
    assert found == (
        Send("send-hello", "hello", ("email",)),
        Send("send-hello-2", "hello", ("sms", "email"), otherwise="exit", klass="marketing"),
        Send("both", "hello", ("email", "sms"), every=True, on_unknown="retry"),
    )


@pytest.mark.parametrize(
    ("written", "amount", "unit"),
    [("1 day", 1, "days"), ("24 hours", 24, "hours"), ("1.5 hours", 1.5, "hours"), ("2 weeks", 2, "weeks")],
)
def test_a_wait_keeps_its_unit_because_a_day_is_a_calendar_day(
    tmp_path: Path, written: str, amount: float, unit: str
) -> None:
    wait = read(tmp_path, f"- wait: {written}")[0]
    assert isinstance(wait, Wait)
    assert (wait.amount, wait.unit) == (amount, unit)


def test_a_branch_has_arms_and_an_else(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
- branch:
    - if: event.order.total >= 100
      do:
        - {send: hello, via: sms}
        - stop
    - else: [{send: hello, via: email}]
- wait: 1 day
""",
    )
    assert found == (
        Branch("branch-1", (
            Arm((Send("send-hello", "hello", ("sms",)), Stop("stop-1")), "event.order.total >= 100"),
            Arm((Send("send-hello-2", "hello", ("email",)),)),
        )),
        Wait("wait-1", 1.0, "days"),
    )  # fmt: skip


def test_ids_count_through_the_file_and_not_through_each_arm(tmp_path: Path) -> None:
    found = read(tmp_path, "- wait: 1 day\n- branch: [{if: 'true', do: [{wait: 1 day}]}]\n- wait: 1 day")
    assert [step.id for step in found] == ["wait-1", "branch-1", "wait-3"]


@pytest.mark.parametrize("word", sorted(STEP.tables))
def test_every_step_may_have_an_id_and_a_condition(word: str) -> None:
    assert {"id", "if"} <= STEP.tables[word].fields.keys()


def test_a_condition_stays_with_its_step_and_a_stop_that_has_one_is_a_mapping(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
- {wait: 1 day, if: profile.orders_count > 1}
- {branch: [{if: 'true', do: [stop]}], if: '"vip" in profile.tags', id: vips}
- {stop: true, if: event.order.total < 10, id: cheap}
- {send: hello, via: email}
""",
    )
    assert found == (
        Wait("wait-1", 1.0, "days", condition="profile.orders_count > 1"),
        Branch("vips", (Arm((Stop("stop-1"),), "true"),), condition='"vip" in profile.tags'),
        Stop("cheap", condition="event.order.total < 10"),
        Send("send-hello", "hello", ("email",)),
    )


def test_two_steps_of_one_id_are_refused(tmp_path: Path) -> None:
    found = the(steps(tmp_path, "- {wait: 1 day, id: pause}\n- {wait: 2 days, id: pause}"))
    assert (found.rule, found.place) == ("duplicate-step-id", "journeys/hello.yaml:6:24")


def test_an_id_that_another_step_gets_by_itself_is_refused(tmp_path: Path) -> None:
    found = the(steps(tmp_path, "- {wait: 1 day, id: send-hello}\n- {send: hello, via: email}"))
    assert (found.rule, found.place) == ("duplicate-step-id", "journeys/hello.yaml:6:5")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("- stop\n- wait: 1 day", "6:5"),
        ("- {wait_for: {on: order.paid, within: 1 day}, then: [stop], else: [stop]}\n- tag: x", "6:5"),
        ("- split: {a: {share: 50, do: [stop]}, b: {share: 50, do: [stop]}}\n- tag: x", "6:5"),
        ("- branch: [{if: 'true', do: [stop, {wait: 1 day}]}]", "5:38"),
        ("- branch:\n    - {if: 'true', do: [stop]}\n    - else: [stop]\n- wait: 1 day\n- wait: 1 day", "8:5"),
    ],
)
def test_a_step_that_nothing_leads_to_is_refused_once(tmp_path: Path, text: str, place: str) -> None:
    found = the(steps(tmp_path, text))
    assert (found.rule, found.place) == ("unreachable-step", f"journeys/hello.yaml:{place}")


@pytest.mark.parametrize("last", ["- {if: 'false', do: [stop]}", "- else: []", "- else: [{wait: 1 day}]"])
def test_a_step_after_a_branch_that_some_way_leaves_is_fine(tmp_path: Path, last: str) -> None:
    assert len(read(tmp_path, f"- branch:\n    - {{if: 'true', do: [stop]}}\n    {last}\n- wait: 1 day")) == 2


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("- {send: hello}", "5:5", "missing-key"),
        ("- {send: hello, via: fax}", "5:24", "unknown-channel"),
        ("- {send: hello, via: [email, sms]}", "5:24", "wrong-kind"),
        ("- {send: hello, via: {first: [sms], all: [email]}}", "5:24", "bad-value"),
        ("- {send: hello, via: {first: [sms, sms]}}", "5:32", "bad-value"),
        ("- {send: hello, via: {first: []}}", "5:32", "bad-value"),
        ("- {send: hello, via: email, otherwise: shout}", "5:42", "bad-value"),
        ("- {send: hello, via: email, class: promo}", "5:38", "bad-value"),
        ("- {send: hello, vai: email, via: sms}", "5:19", "unknown-key"),
        ("- {wait: 3}", "5:12", "bad-duration"),
        ("- {wait: 1 month}", "5:12", "bad-duration"),
        ("- branch: []", "5:13", "bad-value"),
        ("- branch: [{else: []}, {if: 'true', do: []}]", "5:15", "else-not-last"),
        ("- branch: [{if: 'true'}]", "5:14", "missing-key"),
        ("- branch: [{when: 'true', do: []}]", "5:15", "unknown-key"),
        ("- branch: [{if: profile.orders_cuont == 0, do: []}]", "5:27", "bad-condition"),
        ("- {stop: now}", "5:12", "wrong-kind"),
        ("- {stop: false}", "5:12", "bad-value"),
        ("- {wait: 1 day, if: profile.orders_cuont > 1}", "5:31", "bad-condition"),
        ("- {wait: 1 day, if: profile.orders_count}", "5:23", "bad-condition"),
        ("- email", "5:5", "wrong-kind"),
        ("- {wait: until 24:00}", "5:12", "bad-cron-or-time"),
        ("- {wait: until 9:00}", "5:12", "bad-cron-or-time"),
        ("- {wait: until caturday 18:00}", "5:12", "bad-cron-or-time"),
        ("- {wait: until tuesday}", "5:12", "bad-cron-or-time"),
        ("- {wait: until event.order.total}", "5:18", "bad-condition"),
        ("- {wait: until event.order.plcaed_at}", "5:30", "bad-condition"),
        ("- {wait_for: {on: message.clicked}}", "5:16", "missing-key"),
        ("- {wait_for: {within: 1 day}}", "5:16", "bad-value"),
        ("- {wait_for: {on: order.paid, any: [{on: order.paid}], within: 1 day}}", "5:16", "bad-value"),
        ("- {wait_for: {any: [], within: 1 day}}", "5:22", "bad-value"),
        ("- {wait_for: {all: [{on: order.paid}], if: 'true', within: 1 day}}", "5:42", "bad-value"),
        ("- {wait_for: {on: order.paied, within: 1 day}}", "5:21", "unknown-event"),
        ("- {wait_for: {on: order.paid, if: received.order.totl > 1, within: 1 day}}", "5:52", "bad-condition"),
        ("- {split: {a: {share: 50, do: []}, b: {share: 49, do: []}}}", "5:13", "bad-value"),
        ("- {split: {a: {share: 100}}}", "5:17", "missing-key"),
        ("- {split: {A: {share: 100, do: []}}}", "5:14", "bad-name"),
        ("- {set: {orders_count: 1}}", "5:12", "reserved-name"),
        ("- {set: {tags: event.order.number}}", "5:12", "reserved-name"),
        ("- {set: {shop: event.order}}", "5:18", "bad-condition"),
        ("- {set: {Shop: event.order.id}}", "5:12", "bad-name"),
        ("- {start: nowhere}", "5:13", "unknown-journey"),
        ("- {tag: [a]}", "5:11", "wrong-kind"),
        ("- [stop]", "5:5", "wrong-kind"),
        ("- {sned: hello, via: email}", "5:6", "unknown-key"),
        ("- {send: hello, via: email, id: Not An Id}", "5:35", "bad-name"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_step_is_named_where_it_stands(tmp_path: Path, text: str, place: str, rule: str) -> None:
    found = the(steps(tmp_path, text))
    assert (found.place, found.rule) == (f"journeys/hello.yaml:{place}", rule)
    assert found.hint


def test_the_steps_that_wait_draw_learn_and_start_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
- wait: until 10:00
- {wait: until tuesday 18:00, id: tuesday}
- wait: until event.order.placed_at + 2 days
- wait_for: {on: message.clicked, if: 'received.message.url == "x"', within: 2 days}
  then: [{tag: curious}]
- wait_for: {all: [{on: order.paid}, {on: order.fulfilled}], within: 1 hour}
  else: [stop]
- split:
    a: {share: 33.3, do: [{untag: curious}]}
    b: {share: 66.7, do: []}
- set: {last_order: event.order.id, big: event.order.total > 100}
- start: hello
""",
    )
    assert found == (
        Wait("wait-1", until=Clock(600)),
        Wait("tuesday", until=Clock(1080, 1)),
        Wait("wait-3", until="event.order.placed_at + 2 days"),
        WaitFor("wait-for-1", (Rule("message.clicked", 'received.message.url == "x"'),), 172_800.0,
                then=(Tag("tag-1", "curious"),)),
        WaitFor("wait-for-2", (Rule("order.paid"), Rule("order.fulfilled")), 3_600.0, every=True,
                otherwise=(Stop("stop-1"),)),
        Split("split-1", (Share("a", 33.3, (Tag("untag-1", "curious", away=True),)), Share("b", 66.7))),
        Set("set-1", {"last_order": "event.order.id", "big": "event.order.total > 100"}),
        Start("start-hello", "hello"),
    )  # fmt: skip


def test_what_any_journey_sets_all_may_read_with_its_type(tmp_path: Path) -> None:
    setting = HEAD + "  - set: {favourite: event.order.id, spent_most: event.order.total}\n"
    text = JOURNEY.replace("journey: hello", "journey: reader")
    right = text.replace("steps:\n", "steps:\n  - branch: [{if: profile.spent_most > 5, do: []}]\n")
    assert loaded(tmp_path, {"journeys/hello.yaml": setting, "journeys/reader.yaml": right}).findings == []
    wrong = right.replace("profile.spent_most", "profile.favourite")
    found = the(loaded(tmp_path, {"journeys/hello.yaml": setting, "journeys/reader.yaml": wrong}).findings)
    assert (found.file, found.rule) == ("journeys/reader.yaml", "bad-condition")


def test_a_template_may_read_what_a_journey_sets(tmp_path: Path) -> None:
    mail = MAIL.replace("Zażółć gęślą jaźń.", "{{ profile.favourite }}")
    setting = HEAD + "  - set: {favourite: event.order.id}\n  - {send: hello, via: email}\n"
    changed: dict[str, str | bytes] = {"templates/hello/pl/email.mjml": mail, "journeys/hello.yaml": setting}
    assert loaded(tmp_path, changed).findings == []


def starting(name: str, other: str) -> str:
    return JOURNEY.replace("journey: hello", f"journey: {name}") + f"  - start: {other}\n"


def test_journeys_that_start_one_another_in_a_circle_are_a_warning(tmp_path: Path) -> None:
    circle = {f"journeys/{name}.yaml": starting(name, other) for name, other in ("ab", "bc", "ca")}
    found = loaded(tmp_path, {**circle, "journeys/d.yaml": starting("d", "a")}).findings
    assert [(f.file, f.rule, f.severity) for f in found] == [
        (f"journeys/{name}.yaml", "start-cycle", "warning") for name in "abc"
    ]


def test_a_template_without_a_text_for_the_channel_is_refused(tmp_path: Path) -> None:
    mail = {"templates/letter/pl/email.mjml": MAIL}
    text = JOURNEY.replace("send: hello\n    via: email", "send: letter\n    via: {first: [sms, email]}")
    found = loaded(tmp_path, {**mail, "journeys/hello.yaml": text}).findings
    assert said(found) == [("journeys/hello.yaml:6:10", "unknown-channel")]
    assert "templates/letter/pl/sms.txt" in found[0].hint


def test_a_channel_that_no_provider_delivers_is_refused(tmp_path: Path) -> None:
    only_mail = SETTINGS.replace("  sms: [{name: text, provider: mailbox}]\n", "")
    text = JOURNEY.replace("via: email", "via: sms")
    found = loaded(tmp_path, {"wici.yaml": only_mail, "journeys/hello.yaml": text}).findings
    assert said(found) == [("journeys/hello.yaml:6:10", "no-account")]
    assert found[0].severity == "error"
    first = JOURNEY.replace("via: email", "via: {first: [sms, email]}")
    found = loaded(tmp_path, {"wici.yaml": only_mail, "journeys/hello.yaml": first}).findings
    assert [finding.severity for finding in found] == ["warning"]


SILENT = MAIL.replace('from: "Sklep <sklep@sklep.example>"\n', "")


def test_an_e_mail_that_nobody_sends_is_refused(tmp_path: Path) -> None:
    found = the(loaded(tmp_path, {"templates/hello/pl/email.mjml": SILENT}).findings)
    assert (found.place, found.rule) == ("journeys/hello.yaml:5:11", "no-sender")
    assert "senders.transactional.email" in found.hint


@pytest.mark.parametrize(
    ("klass", "sender"),
    [("transactional", "transactional"), ("service", "transactional"), ("opinion", "marketing")],
)
def test_a_class_without_a_sender_speaks_as_its_nearest(tmp_path: Path, klass: str, sender: str) -> None:
    spoken = SETTINGS + f"senders: {{{sender}: {{email: hej@sklep.example}}}}\n"
    text = JOURNEY.replace("class: transactional", f"class: {klass}")
    files = {"templates/hello/pl/email.mjml": SILENT, "wici.yaml": spoken, "journeys/hello.yaml": text}
    assert loaded(tmp_path, {**files}).findings == []


@pytest.mark.parametrize(
    ("variable", "hint"),
    [("event.order.totl", "total"), ("event.cart.id", ""), ("profile.firstname", "first_name")],
)
def test_a_template_that_reads_what_the_event_does_not_bring_is_a_warning(
    tmp_path: Path, variable: str, hint: str
) -> None:
    mail = MAIL.replace("Zażółć gęślą jaźń.", f"{{{{ {variable} }}}}")
    found = the(loaded(tmp_path, {"templates/hello/pl/email.mjml": mail}).findings)
    assert (found.place, found.rule, found.severity) == ("journeys/hello.yaml:5:11", "template-variable", "warning")
    assert variable in found.message
    assert hint in found.hint
