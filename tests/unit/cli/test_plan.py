"""A plan: what differs, what becomes of whom, what could leave, what to think about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.cli.plan import file
from services.cli.plan.difference import Line, difference
from services.cli.plan.doubts import doubts
from services.cli.plan.fates import Fate, Hour, fates, started, within_the_hour
from services.cli.plan.inside import Group, Inside
from services.cli.plan.proposal import Proposal
from services.cli.plan.report import as_json, text
from services.cli.plan.sample import Sample, coming, visited
from services.cli.publish import Revision, digest_of, graph_digest, number
from services.contracts.journey import Arm, Branch, Clock, Journey, Rule, Set, Step, Wait, WaitFor, Webhook
from services.contracts.schedule import DUE, Once, Schedule
from services.contracts.segment import Segment
from services.contracts.settings import Source
from services.contracts.workspace import Workspace
from services.kit.errors import Misconfigured
from services.trigger_engine.journeys.definitions import define
from tests.support.engine import AT, HOUR, TEMPLATES, Run, anna, happened, journey, say, template, workspace

DAY = Wait("wait-1", 1, "days")
FIRST, NEXT = say(id="first"), say(id="next")
OLD = workspace(journey("views", "page.viewed", FIRST, DAY, NEXT))


def changed(*steps: Step, **fields: Any) -> Workspace:
    return workspace(journey("views", "page.viewed", *steps, **{"revision": 2, **fields}))


def at(step: str, customers: int = 10, due: int = 0, revision: int = 1) -> Inside:
    return Inside((Group("views", revision, step, customers, due),))


def graphs(*workspaces: Workspace) -> dict[tuple[str, int], Journey]:
    return {(one.name, one.revision): one for made in workspaces for one in made.journeys}


def known(*workspaces: Workspace) -> dict[str, list[Revision]]:
    found: dict[str, list[Revision]] = {}
    for (name, revision), one in graphs(*workspaces).items():
        found.setdefault(name, []).append(Revision(revision, graph_digest(one), one))
    return found


def test_a_changed_journey_is_told_step_by_step_in_the_words_of_its_file() -> None:
    branch = Branch("branch-1", (Arm((NEXT,), "event.total > 1"), Arm((Webhook("hook", "$CRM"),))))
    new = changed(FIRST, Wait("wait-1", 2, "days"), branch, condition="event.url != ''", in_flight="drain")
    (found,) = difference(OLD, new).journeys
    assert (found.how, found.old, found.new) == ("changed", 1, 2)
    assert Line("enter.if", None, "event.url != ''") in found.lines
    assert Line("in_flight", None, "drain") in found.lines
    assert Line("steps", "first, wait-1, next", "first, wait-1, branch-1") in found.lines
    steps = {one.name: (one.how, one.lines) for one in found.steps}
    assert steps["wait-1"] == ("changed", (Line("wait", "1 day", "2 days"),))
    assert steps["branch-1"][0] == steps["hook"][0] == "added"
    assert Line("arms.1.if", None, "event.total > 1") in steps["branch-1"][1]
    assert "next" not in steps, "a step that is only elsewhere has not changed"


def test_waits_and_durations_read_as_they_are_written() -> None:
    def lines(*steps: Step, **fields: Any) -> list[Line]:
        (found,) = difference(changed(FIRST, **fields), changed(FIRST, *steps, again_after=604_800.0)).journeys
        return [line for one in found.steps for line in one.lines] + list(found.lines)

    steps = (Wait("a", until=Clock(600, 1)), Wait("b", until="event.at", condition="true"), Wait("c", 90, "minutes"),
             WaitFor("d", (Rule("order.paid"),), 5_400.0))  # fmt: skip
    found = lines(*steps, again_after=0.0)
    for line in (Line("wait", None, "until tuesday 10:00"), Line("wait", None, "until event.at"),
                 Line("if", None, "true"), Line("wait", None, "90 minutes"), Line("within", None, "90 minutes"),
                 Line("enter.again", "always", "after 7 days")):  # fmt: skip
        assert line in found


def test_journeys_templates_segments_and_policies_that_come_change_and_go_are_named() -> None:
    other = journey("other", "order.placed")
    templates = {
        **TEMPLATES,
        "hello": {"pl": replace(TEMPLATES["hello"]["pl"], digest="2")},
        "new": {"pl": template("new")},
    }
    new = workspace(other, templates=templates, segments=[Segment("vip", "profile.orders_count > 2")], holdout=5.0)
    found = difference(OLD, new)
    assert [(one.name, one.how) for one in found.journeys] == [("other", "added"), ("views", "removed")]
    assert [(one.name, one.how) for one in found.templates] == [("hello/pl", "changed"), ("new/pl", "added")]
    assert [(one.name, one.how) for one in found.segments] == [("vip", "added")]
    assert found.settings == (Line("policies.holdout", None, "5"),)
    assert not difference(OLD, OLD)


@pytest.mark.parametrize(
    ("word", "fate"),
    [
        ({}, Fate(Group("views", 1, "wait-1", 10, 4), "stay")),
        ({"in_flight": "drain"}, Fate(Group("views", 1, "wait-1", 10, 4), "drain")),
        ({"in_flight": "cancel"}, Fate(Group("views", 1, "wait-1", 10, 4), "leave")),
        ({"in_flight": "migrate"}, Fate(Group("views", 1, "wait-1", 10, 4), "move", "wait-1", keeps=True)),
        (
            {"in_flight": "migrate", "moves": {"wait-1": "gift"}},
            Fate(Group("views", 1, "wait-1", 10, 4), "move", "gift"),
        ),
    ],
)
def test_a_group_is_told_what_the_engine_will_do_with_it(word: Any, fate: Fate) -> None:
    new = changed(DAY, say(id="gift"), **word)
    assert fates(new, at("wait-1", 10, 4), graphs(OLD)) == [fate]
    assert fates(new, at("wait-1", revision=2), graphs(OLD)) == [], "those in the version in force are not touched"


def hours(new: Workspace, inside: Inside) -> list[Hour]:
    found = fates(new, inside, graphs(OLD))
    return within_the_hour(found, new, inside, graphs(OLD))


def test_what_the_moved_could_hear_within_the_hour_is_counted_by_step_and_channel() -> None:
    """Ways that take longer are left out; of several ways each is counted, for nobody knows who goes which."""
    half = WaitFor("half", (Rule("order.paid"),), 1_800.0, then=(say(id="paid"),))
    steps = (
        say(id="gift", via=("email", "sms")),
        Wait("soon", 30, "minutes"),
        half,
        Wait("later", 40, "minutes"),
        NEXT,
    )
    new = changed(*steps, in_flight="migrate", moves={"wait-1": "gift"})
    assert hours(new, at("wait-1")) == [
        Hour("views", 2, "gift", "email", 10, because=True),
        Hour("views", 2, "gift", "sms", 10, because=True),
        Hour("views", 2, "paid", "email", 10, because=True),
    ]


def test_those_who_keep_their_time_are_counted_where_it_comes_within_the_hour() -> None:
    new = changed(Wait("longer", 9, "days"), say(id="gift"), in_flight="migrate", moves={"wait-1": "longer"})
    assert hours(new, at("wait-1", 10, 4)) == [Hour("views", 2, "gift", "email", 4, because=True)]


def test_what_would_come_anyway_is_told_apart_and_the_cancelled_hear_nothing() -> None:
    assert hours(changed(NEXT), at("wait-1", 10, 4)) == [Hour("views", 1, "next", "email", 4, because=False)]
    assert hours(changed(NEXT, in_flight="cancel"), at("wait-1", 10, 4)) == []
    assert hours(changed(NEXT, in_flight="drain"), at("wait-1", 10, 4)) == []
    held = changed(NEXT, in_flight="drain")
    assert hours(held, at("next", 10, 4)) == [Hour("views", 1, "next", "email", 4, because=False)]


def test_of_a_paused_journey_nothing_leaves_within_the_hour() -> None:
    paused = msgspec.structs.replace(at("wait-1", 10, 4), paused=frozenset({"journey:views"}))
    assert hours(changed(NEXT), paused) == []


def told(old: Workspace, new: Workspace, inside: Inside, *more: Workspace) -> list[str]:
    becomes = fates(new, inside, graphs(old, *more))
    return doubts(old, new, inside, becomes, known(old, *more))


def test_numbered_steps_that_have_shifted_are_doubted() -> None:
    shifted = changed(Wait("wait-1", 1, "hours"), FIRST, Wait("wait-2", 1, "days"), NEXT, in_flight="migrate")
    (doubt,) = told(OLD, shifted, at("wait-1"))
    assert doubt.startswith("views: wait-1 is named by its place in the file.")
    assert told(OLD, changed(FIRST, DAY, NEXT, say(id="more"), in_flight="migrate"), at("wait-1")) == []


def test_fields_that_those_inside_do_not_know_are_named() -> None:
    reading = {**TEMPLATES, "url": {"pl": template("url", "event.page.url", "event.order.id")}}
    new = workspace(
        journey("views", "page.viewed", DAY, say("url"), revision=2, in_flight="migrate"), templates=reading
    )
    (doubt,) = told(OLD, new, at("wait-1"))
    assert doubt.startswith("views: those who entered by revision 1 do not know event.page.url, which is read now.")


def test_fields_that_a_changed_template_reads_are_unknown_to_those_who_stay_too() -> None:
    reading = {**TEMPLATES, "hello": {"pl": template("hello", "event.page.url")}}
    new = workspace(journey("views", "page.viewed", DAY, NEXT, revision=2), templates=reading)
    (doubt,) = told(OLD, new, at("wait-1"))
    assert "do not know event.page.url" in doubt


def test_a_revision_that_reads_a_fact_which_nobody_sets_any_more_is_named() -> None:
    reads = Branch("branch", (Arm((NEXT,), "profile.favourite == 'x'"),))
    sets = journey("sets", "order.placed", Set("set", {"favourite": "event.order.id"}))
    old = workspace(journey("views", "page.viewed", FIRST, DAY, reads), sets)
    (doubt,) = told(old, changed(NEXT), at("wait-1"))
    assert "views: revision 1 does not fit the new version" in doubt
    assert told(old, changed(NEXT, in_flight="cancel"), at("wait-1")) == []


def test_a_mapping_from_a_step_that_never_was_is_doubted() -> None:
    new = changed(DAY, NEXT, in_flight="migrate", moves={"wiat-1": "next"})
    assert told(OLD, new, Inside()) == ["views: in_flight moves those at wiat-1, a step that no earlier revision has."]


def test_a_removed_journey_says_that_those_inside_go_on_and_how_to_let_them_leave() -> None:
    (doubt,) = told(OLD, workspace(), at("wait-1"))
    assert "10 inside go on to its end" in doubt
    assert told(OLD, replace(workspace(), removed={"views": "cancel"}), at("wait-1")) == []


def test_a_new_segment_is_tried_on_customers_by_the_code_that_will_fill_it() -> None:
    """Whoever belongs enters it, and its journey, whose messages of the first hour are counted."""
    steps = (say(id="hello"), Wait("wait", 2, "hours"), NEXT)
    entered = journey("vips", "segment.entered", *steps, condition="event.segment == 'vip'")
    new = workspace(*OLD.journeys, entered, segments=[Segment("vip", "profile.orders_count > 0")])
    run = Run(OLD)
    for place in range(4):
        who = anna(id=f"c{place}", email=f"c{place}@example.com")
        run.take(
            happened("order.placed", customer=who, placed="o1") if place else happened("page.viewed", customer=who)
        )
    sample = Sample(list(run.profiles.values()), everybody=1_000)
    whole = visited(sample, define(new), AT + HOUR)
    assert (whole.customers, whole.entered, whole.left, whole.journeys) == (1_000, {"vip": 750}, {}, {"vips": 750})
    assert started(entered, 750) == [Hour("vips", 1, "hello", "email", 750, because=True)]
    assert sample.count(lambda profile: "vip" in profile.segments) == 750
    said = doubts(OLD, new, Inside(), (), known(OLD), whole)
    assert "About 750 of them enter segment vip now." in said
    assert "About 750 of them enter vips because of that." in said


def test_a_schedule_that_comes_within_the_hour_is_counted_and_told_apart_from_one_that_came_before() -> None:
    def scheduled(at: str) -> Workspace:
        made = journey("news", DUE)
        return workspace(replace(made, enter=replace(made.enter, schedule=Schedule(Once(at)))))

    soon, later = scheduled("2026-11-22T11:30"), scheduled("2026-11-22T12:30")  # in Warsaw, where it is 11:00
    run = Run(soon).take(happened("page.viewed", customer=anna()))
    sample = Sample(list(run.profiles.values()), everybody=1_000)

    def told(old: Workspace, new: Workspace) -> list[tuple[str, int, bool]]:
        return [(one.journey.name, *one[1:]) for one in coming(old, define(new), sample, AT)]

    assert told(later, soon) == [("news", 1_000, True)]
    assert told(soon, soon) == [("news", 1_000, False)]
    assert told(soon, later) == []


def test_an_id_that_changes_its_meaning_is_an_error_and_a_graph_that_comes_back_is_none() -> None:
    other = changed(FIRST, say("sms-only", id="next"), revision=0)
    (problem,) = number(other, OLD, known(OLD)).problems
    assert "step id next means something else than in revision 1" in problem
    between = changed(FIRST, say("sms-only", id="next"))
    back = number(
        workspace(journey("views", "page.viewed", FIRST, DAY, NEXT, revision=0)), between, known(OLD, between)
    )
    assert (back.problems, back.graphs, [one.revision for one in back.workspace.journeys]) == ((), (), [1])


def test_the_last_word_of_a_removed_journey_is_kept_until_it_is_back() -> None:
    leaving = workspace(journey("views", "page.viewed", in_flight="cancel"))
    gone = number(workspace(), leaving, known(leaving)).workspace
    assert gone.removed == {"views": "cancel"}
    assert number(workspace(), gone, {}).workspace.removed == {"views": "cancel"}
    assert number(OLD, gone, known(OLD)).workspace.removed == {}
    assert number(workspace(), OLD, known(OLD)).workspace.removed == {}


def proposal(new: Workspace, **fields: Any) -> Proposal:
    return Proposal(1, changed=True, made_at=AT, workspace=new, digest=digest_of(new), difference=difference(OLD, new),
                    **fields)  # fmt: skip


def test_a_plan_reads_section_by_section() -> None:
    new = changed(FIRST, DAY, say(id="gift"), in_flight="migrate")
    inside = at("wait-1", 10, 4)
    becomes = tuple(fates(new, inside, graphs(OLD)))
    said = text(proposal(new, fates=becomes, hour=tuple(within_the_hour(becomes, new, inside, graphs(OLD)))))
    for line in (
        "Plan of a new version, on top of version 1",
        "  ~ views (revision 1 → 2)",
        "      + gift",
        "      - next",
        "      at wait-1: 10 go on at wait-1 of the new version, and wake when they would have",
        "  views/gift over email: 4",
    ):
        assert line in said.splitlines()
    assert "Templates" not in said


def test_a_saved_plan_is_what_it_was_and_holds_no_secret(tmp_path: Path) -> None:
    new = replace(OLD, settings=replace(OLD.settings, sources={"backend": Source("http", keys=("$BACKEND_KEY",))}))
    path = tmp_path / "plan.json"
    file.save(proposal(new), None, path)
    saved = file.read(path)
    assert (saved.workspace, saved.base, saved.plan["digest"]) == (new, 1, as_json(proposal(new))["digest"])
    assert "$BACKEND_KEY" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_plan_that_somebody_has_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    file.save(proposal(changed(FIRST, in_flight="drain")), None, path)
    whole = path.read_text()
    other = json.loads(whole)
    other["workspace"]["journeys"][0]["in_flight"] = "cancel"
    for broken in (json.dumps(other), json.dumps({**json.loads(whole), "wici_plan": 2}), whole[:50], "{}"):
        path.write_text(broken)
        with pytest.raises(Misconfigured, match="wici plan --out"):
            file.read(path)
