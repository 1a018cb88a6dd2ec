"""Groups: steps with parameters, which a journey uses as if it had written them itself."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from services.cli.workspace.journeys.groups import MOST_USES
from services.cli.workspace.load import Loaded
from services.cli.workspace.reading.positions import plain, read_yaml
from services.cli.workspace.shapes.json_schema import documents
from services.contracts.journey import Arm, Branch, Send, Set, Start, Step, Tag, Wait
from tests.unit.workspace.folder import JOURNEY, loaded, said, the

HEAD = JOURNEY[: JOURNEY.index("  - send")]
PAIR = """\
group: pair
parameters:
  pause: {default: 1 day}
  least: {}
  via: {default: email}
steps:
  - {send: hello, via: <via>}
  - wait: <pause>
  - {tag: 'x-<least>', if: event.order.total >= <least>}
"""
USE = "- {use: pair, with: {least: 100}}\n"


def read(home: Path, text: str, **groups: str) -> tuple[Step, ...]:
    found = load(home, text, **groups)
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace.journeys[0].steps


def load(home: Path, text: str, **groups: str) -> Loaded:
    journey = HEAD + "".join(f"  {line}\n" for line in text.splitlines())
    files: dict[str, str | bytes] = {
        f"groups/{name}.yaml": written for name, written in ({"pair": PAIR} | groups).items()
    }
    return loaded(home, {"journeys/hello.yaml": journey, **files})


def test_a_use_stands_for_the_groups_steps_with_its_own_ids(tmp_path: Path) -> None:
    text = """\
- {use: pair, with: {least: 100}}
- {wait: 1 hour}
- {use: pair, id: again, with: {least: 0.5, pause: 2 hours, via: {first: [sms, email]}}}
- {use: pair, with: {least: 7}}
"""
    found = read(tmp_path, text)
    assert found == (
        Send("use-pair.send-hello", "hello", ("email",)),
        Wait("use-pair.wait-1", 1.0, "days"),
        Tag("use-pair.tag-1", "x-100", condition="event.order.total >= 100"),
        Wait("wait-1", 1.0, "hours"),
        Send("again.send-hello", "hello", ("sms", "email")),
        Wait("again.wait-1", 2.0, "hours"),
        Tag("again.tag-1", "x-0.5", condition="event.order.total >= 0.5"),
        Send("use-pair-3.send-hello", "hello", ("email",)),
        Wait("use-pair-3.wait-1", 1.0, "days"),
        Tag("use-pair-3.tag-1", "x-7", condition="event.order.total >= 7"),
    )


def test_a_use_with_a_condition_is_a_branch_around_its_steps(tmp_path: Path) -> None:
    short = "group: short\nsteps: [{tag: <b>, id: own}]\nparameters: {b: {default: hot}}\n"
    found = read(tmp_path, USE + "- {use: short, if: event.order.total > 5}\n- wait: 1 day", short=short)
    assert found[3:] == (
        Branch("use-short", (Arm((Tag("use-short.own", "hot"),), "event.order.total > 5"),)),
        Wait("wait-1", 1.0, "days"),
    )


def test_groups_use_groups_and_hand_on_what_they_are_told(tmp_path: Path) -> None:
    outer = """\
group: outer
parameters: {how-long: {}, then: {default: []}}
steps:
  - use: pair
    with: {pause: <how-long>, least: 3}
  - branch: [{if: 'true', do: <then>}]
"""
    found = read(tmp_path, "- {use: outer, with: {how-long: 3 days, then: [{set: {kind: now}}, {start: hello}]}}",
                 outer=outer)  # fmt: skip
    assert [one.id for one in found] == [
        *(f"use-outer.use-pair.{own}" for own in ("send-hello", "wait-1", "tag-1")), "use-outer.branch-1",
    ]  # fmt: skip
    assert found[1] == Wait("use-outer.use-pair.wait-1", 3.0, "days")
    inside = (Set("use-outer.set-1", {"kind": "now"}), Start("use-outer.start-hello", "hello"))
    assert found[3] == Branch("use-outer.branch-1", (Arm(inside, "true"),))


def test_what_a_groups_steps_set_and_start_is_known_like_any_other(tmp_path: Path) -> None:
    learns = "group: learns\nsteps: [{set: {favourite: event.order.total}}, {start: nowhere}]\n"
    reading = "- use: learns\n- {wait: 1 day, if: profile.favourite > 3}\n" + USE
    found = the(load(tmp_path, reading, learns=learns).findings)
    assert (found.place, found.rule, found.used) == (
        "groups/learns.yaml:2:56", "unknown-journey", "journeys/hello.yaml:5:10",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        # What the use says is found where it says it; all else in the group.
        ("- {use: pair, with: {least: 1, pause: 1 dya}}", "journeys/hello.yaml:5:41", "bad-duration"),
        ("- {use: pair, with: {least: 1, via: fax}}", "journeys/hello.yaml:5:39", "unknown-channel"),
        ("- {use: pair, with: {least: 1, via: [sms]}}", "journeys/hello.yaml:5:39", "wrong-kind"),
        ("- {use: pair, with: {least: '\"x\"'}}", "groups/pair.yaml:9:28", "bad-condition"),
        ("- {use: pair}", "journeys/hello.yaml:5:11", "missing-parameter"),
        ("- {use: pair, with: {}}", "journeys/hello.yaml:5:23", "missing-parameter"),
        ("- {use: pair, with: {least: 1, paus: 1 day}}", "journeys/hello.yaml:5:34", "unknown-parameter"),
        ("- {use: pear}\n" + USE, "journeys/hello.yaml:5:11", "unknown-group"),
        ("- {use: [pair]}\n" + USE, "journeys/hello.yaml:5:11", "wrong-kind"),
        (USE + "- {use: pair, id: use-pair, with: {least: 1}}", "journeys/hello.yaml:6:21", "duplicate-step-id"),
        ("- {use: pair, whit: {least: 1}, with: {least: 1}}", "journeys/hello.yaml:5:17", "unknown-key"),
    ],
)
def test_a_mistake_is_named_where_it_is_made(tmp_path: Path, text: str, place: str, rule: str) -> None:
    found = load(tmp_path, text).findings
    assert (place, rule) in said(found)
    assert {finding.rule for finding in found} <= {rule, "duplicate-step-id"}
    assert all(finding.hint for finding in found)
    assert {finding.used for finding in found if finding.place == place} == (
        {"journeys/hello.yaml:5:11"} if "groups" in place else {""}
    )


@pytest.mark.parametrize(
    ("group", "place", "rule"),
    [
        ("group: pair\nsteps: [{wait: <pause>}]\n", "groups/pair.yaml:2:16", "unknown-parameter"),
        ("group: pair\nsteps: [{wait: a day}]\n", "groups/pair.yaml:2:16", "bad-duration"),
        ("group: pair\nsteps: [{wiat: 1 day}]\n", "groups/pair.yaml:2:10", "unknown-key"),
        ("group: pair\nsteps: []\n", "groups/pair.yaml:2:8", "bad-value"),
        ("group: pair\nparameter: {}\nsteps: [{tag: x}]\n", "groups/pair.yaml:2:1", "unknown-key"),
        ("group: Pair\nsteps: [stop]\n", "groups/pair.yaml:1:8", "bad-name"),
        ("group: pair\nsteps: [stop, {wait: 1 day}]\n", "groups/pair.yaml:2:15", "unreachable-step"),
        ("group: pair\nsteps: [{tag: x, if: event.order.totl > 1}]\n", "groups/pair.yaml:2:34", "bad-condition"),
        ("group: pair\nparameters: {a: {default: 1 dya}}\nsteps: [{wait: <a>}]\n",
         "groups/pair.yaml:2:27", "bad-duration"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_group_is_said_once_however_often_it_is_used(
    tmp_path: Path, group: str, place: str, rule: str
) -> None:
    assert said(load(tmp_path, "- use: pair\n- use: pair", pair=group).findings) == [(place, rule)]


def test_a_group_may_not_be_in_a_circle_nor_grow_without_measure(tmp_path: Path) -> None:
    again = "group: pair\nsteps: [{use: pair}]\n"
    assert the(load(tmp_path, "- use: pair", pair=again).findings).rule == "group-cycle"
    doubles = {f"g{n}": f"group: g{n}\nsteps: [{{use: g{n + 1}}}, {{use: g{n + 1}}}]\n" for n in range(9)}
    found = load(tmp_path, "- use: g0", pair=PAIR, **doubles, g9="group: g9\nsteps: [{tag: x}]\n").findings
    assert [finding.rule for finding in found if finding.severity == "error"] == ["too-large"]
    assert MOST_USES < 2**8


def test_a_group_is_named_like_its_file_and_used(tmp_path: Path) -> None:
    found = load(tmp_path, USE, other=PAIR.replace("group: pair", "group: another")).findings
    assert [(finding.place, finding.rule, finding.severity) for finding in found] == [
        ("groups/other.yaml:1:8", "name-mismatch", "warning"), ("groups/other.yaml:1:8", "unused-group", "warning"),
    ]  # fmt: skip
    found = load(tmp_path, USE, other=PAIR).findings
    assert said(found) == [
        ("groups/other.yaml:1:8", "name-mismatch"), ("groups/pair.yaml:1:8", "duplicate-name"),
    ]  # fmt: skip


def test_an_editor_knows_groups_and_lets_parameters_stand_anywhere() -> None:
    schema = jsonschema_rs.validator_for(documents()["group.schema.json"])
    everywhere = """\
group: all
parameters: {a: {default: 1}, b: {about: a thing}}
steps:
  - {send: <a>, via: <b>, otherwise: <b>, id: <a>}
  - split: {a: {share: <a>, do: <b>}, b: {share: 1, do: [{start: <b>}]}}
  - wait_for: {on: <a>, within: <b>}
    then: [<a>]
"""
    assert schema.is_valid(plain(read_yaml(PAIR)))
    assert schema.is_valid(plain(read_yaml(everywhere)))
    assert not schema.is_valid(plain(read_yaml(PAIR.replace("wait:", "wiat:"))))
    assert not schema.is_valid(plain(read_yaml(PAIR.replace("via: <via>", "via: fax"))))
