"""`wici simulate`: the same for a seed, every customer counted on the way, and pictures whose boxes stand apart."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from services.cli.simulate import picture, report
from services.cli.simulate.flow import Flow
from services.cli.simulate.habits import Habits
from services.cli.simulate.layout import BOX, Box, layout
from services.cli.simulate.play import Play, Span, invented
from services.contracts.journey import Arm, Branch, Rule, Share, Split, Stop, Wait, WaitFor, every_step
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.definitions import define
from tests.support.engine import TEMPLATES, journey, say, workspace
from tests.unit.cli.test_preview import typed
from tests.unit.workspace.folder import write

START = datetime(2026, 11, 1, tzinfo=UTC)
RICH = Arm(
    (say(id="rich"), Split("lot", (Share("a", 50, (say(id="a"),)), Share("b", 50, (Stop("enough"),))))),
    "event.cart.total >= 150",
)
FAIR = Arm(
    (WaitFor("bought", (Rule("order.placed"),), 3600.0, then=(say(id="thanks"),)),),
    "event.cart.total >= 80",
)
LAST = say(id="last", condition="profile.orders_count == 0")
CARTS = journey("carts", "cart.updated", Branch("worth", (RICH, FAIR)), Wait("pause", 1, "days"), LAST, again_after=0)
TEXT = say("sms-only", id="text", via=("sms",))
ORDERS = journey("orders", "order.placed", Wait("night", 6, "hours"), TEXT, again_after=0)
SHOP = workspace(CARTS, ORDERS, journey("signs", "customer.signed_up", say(id="hi")))


def played(shop: Workspace = SHOP, seed: int = 1, people: int = 120) -> Play:
    definitions, span = define(shop), Span(START, 14, seed)
    play = Play(definitions, span, Habits())
    play.run(invented(definitions, span, people, Habits()))
    return play


@pytest.fixture(scope="module")
def play() -> Play:
    return played()


def told(play: Play, seed: int = 1) -> dict[str, Any]:
    return report.as_json(play, Span(START, 14, seed), SHOP, "invented")


def drawn(play: Play, name: str) -> str:
    return picture.draw(play.world.definitions.current[name].journey, play.flows[name], "two weeks")


def test_a_seed_gives_the_same_report_and_pictures_and_another_seed_others(play: Play) -> None:
    again, other = played(), played(seed=2)
    assert json.dumps(told(again)) == json.dumps(told(play))
    assert drawn(again, "carts") == drawn(play, "carts")
    assert told(other, 2)["sent"] != told(play)["sent"]


def test_of_each_step_as_many_came_as_left_it_ended_there_or_are_still_there(play: Play) -> None:
    for name, flow in play.flows.items():
        assert flow.entered > 10
        steps = play.world.definitions.current[name].journey.steps
        for step in ("", *(one.id for one in every_step(steps))):
            gone = sum(n for counts in (flow.ways, flow.ended) for (at, _), n in counts.items() if at == step)
            assert (flow.came[step] if step else flow.entered) == gone + flow.inside[step], (name, step)
        assert flow.entered == flow.completed + flow.ended.total() + flow.inside.total()


def test_every_way_of_a_journey_is_gone_by_somebody(play: Play) -> None:
    flow = play.flows["carts"]
    ways = [("worth", "1"), ("worth", "2"), ("worth", "past"), ("lot", "a"), ("lot", "b")]
    assert all(flow.ways[way] for way in [*ways, ("bought", "then"), ("bought", "otherwise")])
    assert flow.ended["enough", "stopped"] == flow.ways["lot", "b"]
    assert flow.ways["bought", "then"] == flow.came["thanks"]


def test_the_report_the_pictures_and_the_world_count_the_same_messages(play: Play) -> None:
    said = Counter((one.message.journey, one.message.step, one.message.channel) for one in play.said)
    assert said.total() > 50
    data = told(play)
    assert {(o["journey"], o["step"], o["channel"]): o["number"] for o in data["sent"]} == dict(said)
    assert (data["messages"], data["kinds"]) == (said.total(), {"unstated": said.total()})
    for name, flow in play.flows.items():
        boxes = layout(play.world.definitions.current[name].journey, flow).boxes
        lines = {box.name: " ".join(box.lines) for box in boxes}
        for (journey_name, step, channel), number in said.items():
            if journey_name == name:
                assert re.search(rf"sent: .*\b{number:,} {channel}", lines[step])


def test_an_offer_is_counted_as_one_and_journeys_that_meet_in_a_day_are_named() -> None:
    offers = {"hello": {"pl": msgspec.structs.replace(TEMPLATES["hello"]["pl"], kind="offer")}}
    shop = msgspec.structs.replace(
        workspace(journey("one", "cart.updated", say(), again_after=0), journey("two", "cart.updated", say())),
        templates=offers,
    )
    play = played(shop)
    data = report.as_json(play, Span(START, 14, 1), shop, "invented")
    assert data["kinds"] == {"offer": len(play.said)}
    (pair,) = data["same_day"]
    sent = Counter(one.message.journey for one in play.said)
    assert (pair["first"], pair["second"], pair["number"]) == ("one", "two", sent["two"])
    assert 1 <= data["per_customer_and_week"]["median"] <= data["per_customer_and_week"]["most"]


def overlap(one: Box, other: Box) -> bool:
    return abs(one.x - other.x) < BOX and one.y < other.y + other.height and other.y < one.y + one.height


@pytest.mark.parametrize("name", ["carts", "orders"])
def test_boxes_stand_apart_inside_the_picture_and_edges_join_them(play: Play, name: str) -> None:
    drawing = layout(play.world.definitions.current[name].journey, play.flows[name])
    assert not [(a.name, b.name) for a, b in itertools.combinations(drawing.boxes, 2) if overlap(a, b)]
    tops = {(box.x + BOX / 2, box.y) for box in drawing.boxes}
    bottoms = {(box.x + BOX / 2, box.y + box.height) for box in drawing.boxes}
    for edge in drawing.edges:
        assert edge.points[0] in bottoms
        assert edge.points[-1] in tops
    assert all(0 <= box.x <= drawing.width - BOX and box.y + box.height <= drawing.height for box in drawing.boxes)
    labels = [edge.at for edge in drawing.edges]
    assert len(set(labels)) == len(labels)


def test_a_journey_that_nobody_has_entered_is_drawn_all_the_same_and_nothing_in_it_is_markup() -> None:
    odd = journey("odd", "page.viewed", Branch("b", (Arm((), 'profile.first_name < "<script>"'),)))
    tree = ET.fromstring(picture.draw(odd, Flow(), "<b>"))  # noqa: S314 -- ours
    assert not [one.tag for one in tree.iter() if one.tag.endswith("script")]
    assert any("<script>" in (text or "") for text in tree.itertext())


def test_the_page_states_every_number_of_the_habits() -> None:
    page = (Path(__file__).parents[3] / "docs/simulating.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+)", page, re.MULTILINE))
    assert {name: float(number) for name, number in stated.items()} == msgspec.structs.asdict(Habits())


def test_given_events_are_played_and_drawn(tmp_path: Path) -> None:
    home = write(tmp_path / "shop", {})
    lines = [
        {"specversion": "1.0", "id": f"e{n}", "source": "shop", "type": "order.placed",
         "time": (START + timedelta(days=n)).isoformat(),
         "data": {"customer": {"id": f"c{n}", "email": f"c{n}@example.com"}, "order": {"id": f"o{n}"}}}
        for n in range(3)
    ]  # fmt: skip
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    words = ("simulate", "--events", str(file), "--days", "2", "--picture", str(tmp_path / "flows"), "--json")
    done = typed(tmp_path, home, *words)
    assert done.exit_code == 0, done.output
    data = json.loads(done.output)
    assert (data["events"], data["customers"], data["from"]) == (2, 2, "2026-11-01")
    assert [Path(one).read_text()[:4] for one in data["pictures"]] == ["<svg"] * len(data["journeys"])


def test_a_line_that_is_no_event_is_named(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"specversion": "1.0", "id": "1", "source": "s", "type": "order.placed"}')
    done = typed(tmp_path, write(tmp_path / "shop", {}), "simulate", "--events", str(file))
    assert done.exit_code == 1
    assert "events.jsonl:1 has no time" in done.output
