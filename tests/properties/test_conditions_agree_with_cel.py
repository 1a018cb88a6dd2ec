"""Random expressions of the shared subset mean the same here and in Google's CEL.

Each expression is made twice, once as we write it and once as CEL does. What differs on purpose is translated: a number
of ours is a CEL double, money is `double(…)` of its text, a time `timestamp(…)` of its text, a duration literal
`duration("…s")`. A remainder (CEL has none for doubles) and a division by zero (infinity there, null here) are left
out. Where CEL gives an error for the data (a missing field), only that we give some value is checked: null has rules of
its own here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cel_expr_python import cel
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from services.trigger_engine.journeys.conditions import (
    ANY,
    BOOL,
    MONEY,
    NUMBER,
    STRING,
    TIMESTAMP,
    ListOf,
    Record,
    Type,
    compile_condition,
)
from tests.support.examples import examples

ITEM = Record({"category": STRING, "quantity": NUMBER, "price": MONEY})
SCOPE: dict[str, Type] = {
    "event": Record(
        {
            "total": MONEY,
            "quantity": NUMBER,
            "name": STRING,
            "gift": BOOL,
            "placed_at": TIMESTAMP,
            "items": ListOf(ITEM),
            "tags": ListOf(STRING),
            "cart": Record({"id": STRING, "weight": NUMBER}),
        }
    ),
    "now": TIMESTAMP,
}
ORACLE = cel.NewEnv(variables={"event": cel.Type.DYN, "now": cel.Type.TIMESTAMP})


@dataclass(frozen=True)
class Pair:
    """One expression in our spelling and in CEL's."""

    ours: str
    cels: str


def same(text: str) -> Pair:
    return Pair(text, text)


def join(shape: str, *parts: Pair) -> Pair:
    return Pair(shape.format(*(part.ours for part in parts)), shape.format(*(part.cels for part in parts)))


def shaped(shapes: list[str], *parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.builds(join, st.sampled_from(shapes), *parts)


WORDS = ["shoes", "sh", "oes", "VIP", "Łódź", "", "a'b", "SHOES"]
NUMBERS = st.one_of(st.integers(-5, 300).map(float), st.sampled_from([0.5, 2.25, 100.01]))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 -- bounds
    lambda moment: moment.replace(microsecond=0)
)
QUOTED = [f'"{word}"' for word in WORDS]


def number_literal(value: float) -> Pair:
    return Pair(f"({int(value) if value.is_integer() else value})", f"({value!r})")


def texts(item: bool) -> st.SearchStrategy[Pair]:
    leaves = [*QUOTED, "event.name", "event.cart.id", *(["i.category"] if item else [])]
    return st.sampled_from(leaves).map(same) | shaped(["({} + {})"], *[st.sampled_from(leaves).map(same)] * 2)


def numbers(item: bool) -> st.SearchStrategy[Pair]:
    leaves: st.SearchStrategy[Pair] = st.one_of(
        NUMBERS.map(number_literal),
        st.sampled_from(["event.quantity", "event.cart.weight", *(["i.quantity"] if item else [])]).map(same),
        st.just(Pair("event.total", "double(event.total)")),
        st.just(Pair("size(event.tags)", "double(size(event.tags))")),
        texts(item).map(lambda text: Pair(f"size({text.ours})", f"double(size({text.cels}))")),
        *([st.just(Pair("i.price", "double(i.price)"))] if item else []),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            shaped(["({} + {})", "({} - {})", "({} * {})"], inner, inner)
            | shaped(["({} + {} * {})", "({} * {} - {})", "({} - {} - {})", "(-{} - {} + {})"], inner, inner, inner)
            | shaped(["({} / {})"], inner, NUMBERS.filter(bool).map(number_literal))
            | shaped(["(-{})"], inner)
        ),
        max_leaves=4,
    )


def moments() -> st.SearchStrategy[Pair]:
    literal = MOMENTS.map(lambda moment: same(f'timestamp("{moment.isoformat()}")'))
    leaf = st.one_of(literal, st.just(same("now")), st.just(Pair("event.placed_at", "timestamp(event.placed_at)")))
    return leaf | shaped(["({} + {})", "({} - {})"], leaf, durations())


def durations() -> st.SearchStrategy[Pair]:
    literal = st.integers(1, 500).map(lambda hours: Pair(f"{hours} hours", f'duration("{hours * 3600}s")'))
    return literal | st.integers(1, 90).map(lambda minutes: same(f'duration("{minutes}m")'))


def comparisons(item: bool) -> st.SearchStrategy[Pair]:
    signs = ["<", "<=", ">", ">=", "==", "!="]
    spans = st.builds(lambda one, other: join("({} - {})", one, other), moments(), moments())
    return st.one_of(
        shaped([f"({{}} {sign} {{}})" for sign in signs], numbers(item), numbers(item)),
        shaped([f"({{}} {sign} {{}})" for sign in signs], texts(item), texts(item)),
        shaped([f"({{}} {sign} {{}})" for sign in signs], moments(), moments()),
        shaped([f"({{}} {sign} {{}})" for sign in signs], spans, durations()),
        shaped(["{}.startsWith({})", "{}.endsWith({})", "{}.contains({})"], texts(item), texts(item)),
        shaped(["({} in event.tags)"], texts(item)),
        shaped(["({} in [{}, {}])"], numbers(item), numbers(item), numbers(item)),
        st.sampled_from(["event.gift", "has(event.name)", "has(event.cart.weight)", "true"]).map(same),
    )


def logic(leaf: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            shaped(["({} && {})", "({} || {})", "({} == {})"], inner, inner),
            shaped(
                ["({} || {} && {})", "({} && {} || {})", "(!{} || {} == {})", "({} ? {} : {})"], inner, inner, inner
            ),
            shaped(["({} ? {} : {} ? {} : {})"], *[inner] * 5),
            shaped(["!{}"], inner),
            st.builds(word_spelling, inner, inner),
        ),
        max_leaves=5,
    )


def word_spelling(one: Pair, other: Pair) -> Pair:
    return Pair(f"(not {one.ours} and {other.ours})", f"(!({one.cels}) && ({other.cels}))")


def macros() -> st.SearchStrategy[Pair]:
    body = logic(comparisons(item=True))
    return st.one_of(
        shaped(["event.items.exists(i, {})", "event.items.all(i, {})"], body),
        shaped(["(size(event.items.filter(i, {})) == size(event.items))"], body),
        shaped(["({} in event.items.map(i, {}))"], numbers(item=False), numbers(item=True)),
        body.map(
            lambda p: Pair(f"(event.items.count(i, {p.ours}) > 1)", f"(event.items.filter(i, {p.cels}).size() > 1)")
        ),
        shaped(["event.tags.exists(i, event.tags.all(j, i.size() >= j.size()) && {})"], comparisons(item=False)),
    )


CONDITIONS = comparisons(item=False) | macros() | logic(comparisons(item=False) | macros())
MONEYS = st.integers(0, 30_000).map(lambda cents: f"{cents / 100:.2f}")
ITEMS = st.fixed_dictionaries({"category": st.sampled_from(WORDS), "quantity": NUMBERS, "price": MONEYS})
EVENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "total": MONEYS,
        "quantity": NUMBERS,
        "gift": st.booleans(),
        "placed_at": MOMENTS.map(datetime.isoformat),
        "items": st.lists(ITEMS, max_size=3),
        "tags": st.lists(st.sampled_from(WORDS), max_size=3),
        "cart": st.fixed_dictionaries({"id": st.sampled_from(WORDS)}, optional={"weight": NUMBERS}),
    },
    optional={"name": st.sampled_from(WORDS)},
)


def oracle(text: str, data: dict[str, Any]) -> Any:
    """Return CEL's answer, or None where it has an error for this data."""
    found = ORACLE.compile(text, disable_check=True).eval(data=data)
    return None if found.type().name() == "ERROR" else found.plain_value()


@settings(deadline=None, max_examples=examples(500))
@given(CONDITIONS, EVENTS, MOMENTS)
def test_a_condition_holds_here_exactly_when_it_holds_in_cel(pair: Pair, data: dict[str, Any], now: datetime) -> None:
    assume(len(pair.ours) <= 2000)
    mine = compile_condition(pair.ours, SCOPE).evaluate({"event": data, "now": now})
    theirs = oracle(pair.cels, {"event": data, "now": now})
    event("CEL has an answer" if theirs is not None else "CEL has an error")
    assert isinstance(mine, bool)
    assert theirs is None or mine is theirs


@settings(deadline=None)
@given(numbers(item=False), EVENTS, MOMENTS)
def test_a_calculation_gives_cels_number(pair: Pair, data: dict[str, Any], now: datetime) -> None:
    mine = compile_condition(pair.ours, SCOPE, expect=NUMBER).evaluate({"event": data, "now": now})
    theirs = oracle(pair.cels, {"event": data, "now": now})
    assert theirs is None or mine == theirs
    assert mine is None or isinstance(mine, int | float)


@settings(deadline=None)
@given(
    shaped(["{}.startsWith({})", "{}.endsWith({})", "{}.contains({})", "({} < {})"], texts(False), texts(False)), EVENTS
)
def test_texts_are_searched_and_ordered_as_in_cel(pair: Pair, data: dict[str, Any]) -> None:
    theirs = oracle(pair.cels, {"event": data})
    assert theirs is None or compile_condition(pair.ours, SCOPE).evaluate({"event": data}) is theirs


def test_the_deliberate_differences_from_cel_are_these() -> None:
    data: dict[str, Any] = {"quantity": 7.0, "cart": {"weight": None}, "total": "10.00", "items": []}
    env = {"event": data, "now": datetime(2026, 11, 22, tzinfo=UTC)}

    def ours(text: str) -> Any:
        return compile_condition(text, SCOPE, expect=ANY).evaluate(env)

    assert (ours("7 / 2"), oracle("7 / 2", env)) == (3.5, 3)
    assert (ours("event.quantity * 2"), oracle("event.quantity * 2", env)) == (14.0, None)
    assert (ours("event.total >= 10"), oracle("event.total >= 10", env)) == (True, None)
    assert (ours("event.cart.weight > 1"), oracle("event.cart.weight > 1", env)) == (False, None)
    assert (ours("event.name == null"), oracle("event.name == null", env)) == (True, None)
    assert (ours("has(event.cart.weight)"), oracle("has(event.cart.weight)", env)) == (False, True)
    assert (ours("event.items[0].price"), oracle("event.items[0].price", env)) == (None, None)
    assert (ours("1 / 0 == null"), oracle("1 / 0 == null", env)) == (True, None)
    assert ours("event.items.count(i, true) == 0 and not false") is True
    assert ours("2 days") == timedelta(days=2)
