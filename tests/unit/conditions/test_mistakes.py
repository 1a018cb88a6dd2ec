import pytest

from services.kit.errors import Problem
from services.trigger_engine.journeys.conditions import STRING, ConditionError, compile_condition
from tests.unit.conditions.shop import SCOPE


@pytest.mark.parametrize(
    ("text", "meant", "message"),
    [
        ('event.catalog.catgory == "x"', "catgory", "unknown field 'catgory', did you mean 'category'?"),
        ("event.order.totl > 5", "totl", "unknown field 'totl', did you mean 'total'?"),
        ("evnt.cart.total > 5", "evnt", "unknown name 'evnt', did you mean 'event'?"),
        ("zzz > 5", "zzz", "unknown name 'zzz', known here: cart, coupons, event, now"),
        ("spend(1 day) > 5", "spend", "unknown function 'spend', did you mean 'spent'?"),
        ('coupons.gven("a", 1 day) == 0', "gven", "unknown function 'gven', did you mean 'given'?"),
        ("event.items.exist(i, true)", "exist", "unknown function 'exist', did you mean 'exists'?"),
        ("event.items.pop(zzz)", "pop", "unknown function 'pop', known here: all"),
        ('lower(profile.email) == "x"', "lower", "write value.lower(…)"),
        ("spent > 5", "spent", "this is a function"),
        ("size > 5", "size", "write size(…)"),
        ("event.items.size > 5", "size", "write size()"),
        ('event.items.category == "x"', "category", "write list.exists(i, i.category == …)"),
        ("event.order.total.amount > 5", "amount", "a number has no field 'amount'"),
        ("event.order.id[0] == 'a'", "event.order.id", "text has no items"),
        ("event.items['a'] == null", "'a'", "a list has no field 'a'"),
        ("event.items[event.order.id] == null", "event.order.id", "a list is counted by number"),
        ("event[5] == null", "5", 'write record["name"]'),
    ],
)
def test_a_name_that_does_not_exist_is_named_with_a_suggestion(text: str, meant: str, message: str) -> None:
    refuse(text, meant, message)


@pytest.mark.parametrize(
    ("text", "meant", "message"),
    [
        ('event.order.total > "abc"', 'event.order.total > "abc"', "'>' compares a number with text, write a number"),
        ('event.order.total > "100"', 'event.order.total > "100"', "write the number without quotes: 100"),
        (
            'event.order.total == "100"',
            'event.order.total == "100"',
            "is always false, write the number without quotes",
        ),
        ("profile.first_name != 5", "profile.first_name != 5", "comparing text with a number is always true"),
        ('now > "2026-01-01"', 'now > "2026-01-01"', 'write timestamp("2026-01-31T12:00:00Z")'),
        ("now - event.order.placed_at > 36", None, "write a duration with its unit, such as 36 hours"),
        ("event.order.placed_at > 36 hours", None, "write now - … to get a duration"),
        ("now + now == now", "now + now", "'+' cannot take a time and a time"),
        ('"a" * 1000 == "a"', '"a" * 1000', "'*' cannot take text and a number"),
        ("1 < event.order.total < 5", None, "join comparisons with &&"),
        ("event.order.total > null", None, "write == null, != null or has(…)"),
        ('profile.tags == "VIP"', None, "value in list"),
        ('profile.tags.contains("VIP")', None, "'contains' works on text, and this is a list, write value in list"),
        ('"x" in profile.email', None, "write text.contains(part)"),
        ("5 in profile.tags", "5 in profile.tags", "this is a list of other things"),
        ("5 in now", "now", "'in' looks into a list, and this is a time"),
        ("5 in event", "5", "a record's field has a name"),
        ("event.order.total", "event.order.total", "this gives a number, where true or false is needed, compare it"),
        ("event.order", "event.order", "this gives a record, where true or false is needed, write has(…)"),
        ("event.order.total && true", "event.order.total", "this is a number, where true or false is needed"),
        ("!profile.tags", "profile.tags", "compare it, such as size(…) > 0"),
        ('true ? 1 : "a"', '1 : "a"', "'?' gives a number or text"),
        ("-profile.tags == null", None, "'-' cannot take a list"),
        ("size(5) == 1", "5", "'size' counts the parts of text or a list"),
        ("has(now)", "now", "write has(event.cart.total)"),
        ("has() == true", "has()", "'has' takes 1 value, and 0 were given, write has(event.cart.total)"),
        ("profile.email.startsWith(5)", "5", "'startsWith' needs text here, and this is a number"),
        ("profile.email.lower(5) == 'x'", "lower", "'lower' takes no values, and 1 was given"),
        ("profile.tags.sum() > 5", None, "'sum' works on a list of numbers"),
        ("timestamp(5) < now", "5", "'timestamp' reads text"),
        ('timestamp("yesterday") < now', '"yesterday"', "write it like 2026-01-31T12:00:00Z"),
        ('duration("soon") > 1 day', '"soon"', "such as 45 minutes"),
        ("duration(profile.email) > 1 day", "profile.email", "write 36 hours"),
    ],
)
def test_a_type_error_says_what_to_write_instead(text: str, meant: str | None, message: str) -> None:
    refuse(text, meant, message)


@pytest.mark.parametrize(
    ("text", "meant", "message"),
    [
        ("spent(365) > 5", "365", "'spent' needs a duration here, and this is a number, write spent(90 days)"),
        ("spent() > 5", "spent()", "'spent' takes 1 value, and 0 were given, write spent(90 days)"),
        ("spent(0 days) > 5", "0 days", "a window must be longer than nothing"),
        ("coupons.given(event.order.id, 1 day) == 0", "event.order.id", "needs a value that is written out"),
        ("event.items.exists(i, j.price > 5)", "j", "unknown name 'j', known here: cart, coupons, event, i, now"),
        ("event.items.exists(true)", "exists", "'exists' takes 2 values, and 1 was given, write list.exists(i,"),
        ("event.items.exists(5, true)", "5", "the first value names an item"),
        ("event.items.exists(event, true)", "event", "the name 'event' is already taken"),
        ("event.items.exists(i, event.items.exists(i, true))", "i", "the name 'i' is already taken"),
        ("profile.email.exists(i, true)", "profile.email", "looks at the items of a list, and this is text"),
        (
            "event.items.all(a, event.items.all(b, event.items.all(c, true)))",
            "all",
            "macros are nested more than 2 deep",
        ),
    ],
)
def test_functions_and_macros_say_how_they_are_called(text: str, meant: str, message: str) -> None:
    refuse(text, meant, message)


@pytest.mark.parametrize(
    ("text", "meant", "message"),
    [
        ("event.order.total = 5", "=", "write '==' to compare"),
        ("true & false", "&", "write '&&' or 'and'"),
        ("true | false", "|", "write '||' or 'or'"),
        ("profile.email == “x”", "“", 'write text in straight quotes: "…"'),
        ('profile.email == "x', '"x', "this text has no end"),
        (r'profile.email == "\x41"', r'"\x41"', "unknown escape '\\x'"),
        ("true\u00a0&& true", "\u00a0", "write an ordinary space"),
        ("event.__class__ == null", "__class__", "a name cannot start with two underscores"),
        ("__import__('os') == null", "__import__", "a name cannot start with two underscores"),
        ("event.order.total > 3 fortnights", "3 fortnights", "unknown unit 'fortnights'"),
        ("event.order.total > 1 month", "1 month", "write 30 days"),
        ("1 > 99999999999999999999", "99999999999999999999", "this number is too large"),
        ("1 > 1e999", "1e999", "this number is too large"),
        ("2 ** 3 == 8", "*", "unexpected *"),
        ("{'a': 1} == null", "{", "write a list as [1, 2]"),
        ("event. == null", "==", "a field's name must follow the dot"),
        ("true false", "false", "join two conditions with && or ||"),
        ("true not false", "not", "write '!=' or 'not in'"),
        ("(true", "", "add ')'"),
        ("[1, 2", "", "add ','"),
        ("true)", ")", "unexpected )"),
        ("true &&", "", "the expression ends too early"),
        ("", "", "the expression ends too early"),
    ],
)
def test_a_slip_of_the_pen_is_shown_at_its_place(text: str, meant: str, message: str) -> None:
    refuse(text, meant, message)


def test_the_error_reads_as_line_column_message_and_hint() -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition("event.cart.total > 5 && event.catalog.catgory == 'x'", SCOPE)
    assert str(caught.value) == "1:39 unknown field 'catgory', did you mean 'category'?"
    assert (caught.value.message, caught.value.column, caught.value.length, caught.value.hint) == (
        "unknown field 'catgory'",
        39,
        7,
        "did you mean 'category'?",
    )
    assert isinstance(caught.value, Problem)


def test_a_key_must_be_of_a_kind_expected() -> None:
    with pytest.raises(ConditionError, match="this gives a list, where text is needed"):
        compile_condition("profile.tags", SCOPE, expect=STRING)


def refuse(text: str, meant: str | None, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, SCOPE)
    error = caught.value
    assert message in str(error)
    if meant is not None:
        assert text[error.column - 1 : error.column - 1 + error.length] == meant
