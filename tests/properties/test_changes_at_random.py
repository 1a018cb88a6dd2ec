"""Journeys that change under those inside, paused and resumed, back and forth, at random: what holds all the same."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.contracts.journey import Journey, Start, every_step
from tests.properties.test_journeys_at_random import NAMES, Maker, check, life, lived, shop
from tests.support.engine import DAY, HOUR, MINUTE, Run
from tests.support.examples import examples

WORDS = ("pin", "drain", "cancel", "migrate")


def version(chance: Random, revision: int, before: tuple[Journey, ...]) -> tuple[Journey, ...]:
    """Another version of every journey; some graphs come back as they were, some journeys are gone."""
    maker, found = Maker(chance), []
    for name in NAMES:
        if chance.random() < 0.1:
            continue
        old = [one for one in before if one.name == name]
        made = chance.choice(old) if old and chance.random() < 0.3 else replace(maker.journey(name), revision=revision)
        sources = [step.id for one in old for step in every_step(one.steps)]
        targets = [step.id for step in every_step(made.steps)]
        word = chance.choice(WORDS)
        moves = {source: chance.choice(targets) for source in sources if chance.random() < 0.5}
        found.append(replace(made, in_flight=word, moves=moves if word == "migrate" else {}))
    return tuple(found)


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_whatever_changes_nobody_hears_a_thing_twice_nor_is_forgotten_half_way(seed: int) -> None:
    """That no send key is used twice, the runner sees to; every live entry has its timer, at a step of its revision."""
    chance = Random(seed)
    run = Run(shop(chance))
    sets = run.workspace.journeys[:1]  # learns the fact that the others read
    graphs = {(one.name, one.revision): one for one in run.workspace.journeys}
    names = {step.id for one in graphs.values() for step in every_step(one.steps)}
    for number, revision in enumerate(range(2, 6)):
        for _ in lived(run, chance, life(chance, number)):
            check(run, names)
        published = sets + version(chance, revision, tuple(graphs.values()))
        graphs |= {(one.name, one.revision): one for one in published}
        names |= {step.id for one in published for step in every_step(one.steps)}
        run.paused = frozenset({f"journey:{chance.choice(NAMES)}"}) if chance.random() < 0.3 else frozenset()
        run.publish(*published, removed={"a": "cancel"} if all(one.name != "a" for one in published) else {})
        for profile in list(run.profiles.values()):
            run.visit(profile=profile)
        _settled(run, published)
        check(run, names)
        run.wait(chance.choice([MINUTE, HOUR, DAY])).reload()
        check(run, names)
    run.paused = frozenset()
    for _ in range(40):
        run.wait(10 * DAY).reload()
        check(run, names)
    assert run.timers == {} or any(isinstance(s, Start) for one in graphs.values() for s in every_step(one.steps))


def _settled(run: Run, published: tuple[Journey, ...]) -> None:
    """After a visit nobody is live in another revision than the one in force of a journey that cancels."""
    cancelling = {one.name: one.revision for one in published if one.in_flight == "cancel"}
    for profile in run.profiles.values():
        for entry in profile.entries:
            if entry.until is None:
                assert cancelling.get(entry.journey, entry.revision) == entry.revision
                assert entry.step in run.definitions.revisions[entry.journey, entry.revision].nodes
