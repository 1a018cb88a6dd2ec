"""Nobody's text breaks the compiler, and nobody's data breaks a condition."""

import ast
import inspect
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.trigger_engine.journeys.conditions import ANY, ConditionError, any_holds, compile_condition, syntax
from services.trigger_engine.journeys.conditions.checker import Scope, check, resolve
from services.trigger_engine.journeys.conditions.compiler import _NAMESPACE, source
from services.trigger_engine.journeys.conditions.parser import DEEPEST, LONGEST, parse
from services.trigger_engine.journeys.conditions.terms import Writer
from tests.unit.conditions.shop import ENV, SCOPE

WORDS = (
    *("event", "profile", "now", "cart", "items", "tags", "total", "extra", "anything", "i", "__class__", "received"),
    *("exists", "all", "filter", "map", "count", "size", "sum", "has", "duration", "timestamp", "spent", "lower"),
    *("coupons", "given", "startsWith", "contains", "true", "null", "in", "not", "and", "or", "1", "2.5", "1 day"),
    *("'a'", '"b"', "(", ")", "[", "]", ".", ",", "?", ":", "!", "-", "+", "*", "/", "%", "==", "!=", "<", "&&", "||"),
)
PROGRAMS = (
    *("event.cart.total * event.cart.total + event.order.total > 5", "profile.tags.exists(t, t == profile.first_name)"),
    *("profile.anything + profile.anything == profile.anything", "profile.anything.lower().contains('a')"),
    *("event.items.map(i, i.price * i.quantity).sum() >= 10", "now - event.order.placed_at > 36 hours"),
    *("event.items[0].price in event.prices", "profile.anything[0] < profile.anything.size()", "event.items == null"),
    *("profile.anything.filter(a, a > 1).all(b, b in profile.tags)", "profile.employee && !profile.anything"),
    *("event.order.placed_at - profile.anything", "profile.anything % 3 + profile.extra.size / 2", "cart.id + cart.id"),
    *("size(event.items) + event.items.count() > 2", "-profile.orders_count < 1", "has(profile.anything.x.y)"),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["12.50", "nan", "1_0", "2026-11-20T10:00:00Z", "0001-01-01T00:00:00+14:00", 10**400]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS[:10]) | st.sampled_from(["price", "quantity", "id"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.text(max_size=200))
@example("\x00")
@example('"\ud800"')
@example("9" * 1999)
@example("." * 2000)
def test_any_text_is_compiled_or_refused(text: str) -> None:
    try_to_compile(text)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_heap_of_words_is_compiled_or_refused_and_never_raises_on_data(words: list[str]) -> None:
    try_to_compile(" ".join(words))


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(PROGRAMS), st.dictionaries(st.sampled_from(list(ENV)[:-2]), JSON), st.none() | JSON)
def test_data_of_any_shape_gives_a_value(text: str, env: dict[str, Any], now: Any) -> None:
    condition = compile_condition(text, SCOPE, expect=ANY)
    condition.evaluate({**env, "now": now})
    condition.evaluate({**ENV, **env})


@settings(deadline=None)
@given(st.lists(st.sampled_from(PROGRAMS), min_size=1, max_size=3), st.dictionaries(st.sampled_from(list(ENV)), JSON))
def test_one_of_several_is_found_to_hold_exactly_when_one_of_them_does(texts: list[str], env: dict[str, Any]) -> None:
    conditions = [compile_condition(text, SCOPE, expect=ANY) for text in texts]
    data = {**ENV, **env}
    assert any_holds(conditions)(data) == any(one.evaluate(data) is True for one in conditions)


@pytest.mark.parametrize("seed", ["(", "!", "-", "[", "true?", "not ", "has(", "1+(", "event.items.exists(i,", "a."])
@pytest.mark.parametrize("length", [30, DEEPEST + 1, LONGEST, 100 * LONGEST])
def test_nesting_ends_in_an_error_and_never_in_a_recursion(seed: str, length: int) -> None:
    with pytest.raises(ConditionError):
        compile_condition(seed * length, SCOPE)


@pytest.mark.parametrize(
    ("before", "middle", "after"),
    [
        ("!(", "true", ")"),
        ("(1 < ", "2", " ? 1 : 2)"),
        ("-(", "event.cart.total", ")"),
        ("[", "1", "]"),
        ("(true ? ", "1", " : 2)"),
        ("size([", "1", "]) + 1"),
        ("event.items[", "0", "].price"),
        ("(now - ", "event.cart.updated_at", " > 1 day ? now : now)"),
    ],
)
def test_the_deepest_nesting_allowed_compiles(before: str, middle: str, after: str) -> None:
    for times in range(1, DEEPEST + 1):
        text = before * times + middle + after * times
        try:
            parse(text)
        except ConditionError:
            break
        compile_condition(text, SCOPE, expect=ANY).evaluate(ENV)
    assert times >= DEEPEST // 3


def test_a_long_chain_of_conditions_is_flat() -> None:
    text = " && ".join(["event.cart.total > 1"] * 80)
    assert compile_condition(text, SCOPE).evaluate(ENV) is True
    with pytest.raises(ConditionError, match="at most 2,000 characters"):
        compile_condition(text + " " * LONGEST, SCOPE)


def test_a_long_sum_is_too_deep_and_says_so() -> None:
    with pytest.raises(ConditionError, match="nested more than 40 levels deep, split it"):
        compile_condition("+".join(["1"] * 50) + " > 1", SCOPE)


def test_joined_and_multiplied_hostile_data_stays_small() -> None:
    env = {"profile": {"anything": "x" * 200_000, "orders_count": "y" * 200_000}}
    for text in ("profile.anything + profile.anything", "profile.orders_count * 1000000000", "profile.anything * 9"):
        assert compile_condition(text, SCOPE, expect=ANY).evaluate(env) is None


@pytest.mark.parametrize("text", [*PROGRAMS, "event.items.exists(i, i.price > 3) && spent(1 day) > 2 ? now : now"])
@pytest.mark.parametrize("careful", [False, True])
def test_generated_code_has_no_loop_and_no_attribute_other_than_get(text: str, careful: bool) -> None:
    writer = Writer(careful)
    tree = ast.parse(source(check(parse(text), Scope(SCOPE)).term, writer))
    loops = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Import, ast.Subscript)
    assert not [node for node in ast.walk(tree) if isinstance(node, loops)]
    assert {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} <= {"get"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    own = {name for name in names if name[0] in "rvtk" and (name[1] == "_" or name[1:].isdigit())}
    assert names - own <= {*_NAMESPACE, "env"}


def test_compiled_code_has_no_builtins() -> None:
    condition = compile_condition("event.cart.total > 1", SCOPE)
    assert _NAMESPACE["__builtins__"] == {}
    evaluate: Any = condition.evaluate
    assert inspect.getattr_static(evaluate, "__builtins__", None) is not None
    assert evaluate.__builtins__ == {}


def test_every_kind_of_syntax_is_checked() -> None:
    nodes = {
        kind.__name__ for kind in vars(syntax).values() if isinstance(kind, type) and issubclass(kind, syntax.Node)
    }
    assert nodes - {"Node"} == {kind.__name__ for kind in resolve.registry} - {"object"}


def try_to_compile(text: str) -> None:
    try:
        condition = compile_condition(text, SCOPE, expect=ANY)
    except ConditionError as refusal:
        error = refusal
    else:
        condition.evaluate(ENV)
        condition.evaluate({})
        return
    assert 1 <= error.column <= len(text) + 1
    assert error.message
