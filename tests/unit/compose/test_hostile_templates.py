"""No template can hang, crash or escape: each of these is refused quickly, at publish or at render."""

from __future__ import annotations

from time import process_time

import pytest

from services.notifier.compose.errors import RenderError, TemplateError
from services.notifier.compose.publish import compile_template
from services.notifier.compose.render import render_email, render_sms
from tests.unit.compose.examples import CONTEXT, POLE, mjml

ATTACKS = {
    "text times a billion": "{{ 'a' * 1000000000 }}",
    "power": "{{ 'a' * 10**9 }}",
    "a billion rounds": "{% for i in range(1000000000) %}x{% endfor %}",
    "nested loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}"
    + "{% endfor %}" * 3,
    "nested loops with a filter": "{% for a in range(1000) %}{% for b in range(1000) if b is even %}"
    + "{% endfor %}" * 2,
    "lazy loops": "{% for a in range(1000) %}{% for b in range(1000) | map('string') %}{{ b }}{% endfor %}{% endfor %}",
    "doubling text": "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
    "squaring a number": "{% set x = 9 %}" + "{% set x = x * x %}" * 60 + "{{ x }}",
    "doubling a list": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "repeated list": "{{ [1] * 1000000000 }}",
    "format by percent": "{{ '%1000000000d' % 1 }}",
    "format by method": "{{ '{:>1000000000}'.format(1) }}",
    "method of text": "{{ 'a'.ljust(1000000000) }}",
    "padding": "{{ 'x' | center(1000000000) }}",
    "indent": "{{ 'x' | indent(1000000000) }}",
    "replacing each letter": "{{ 'aaaaaaaaaa' | replace('a', '" + "b" * 50_000 + "') }}",
    "joining by long text": "{{ range(1000) | join('" + "b" * 5_000 + "') }}",
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "classes by index": "{{ ''['__class__'] }}",
    "classes by attr": "{{ '' | attr('__class__') }}",
    "globals": "{{ range.__globals__ }}",
    "globals of a loop": "{% for i in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "self": "{{ self.__init__ }}",
    "lipsum": "{{ lipsum(n=1000000) }}",
    "recursive macro": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "exploding macros": "{% macro a() %}xx{% endmacro %}{% macro b() %}{{ a() }}{{ a() }}{% endmacro %}{{ b() }}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "block": "{% block a %}{{ self.a() }}{% endblock %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}",
    "extends": "{% extends 'x' %}",
    "namespace": "{% set ns = namespace(x='a') %}{% set ns.x = ns.x ~ ns.x %}",
    "captured block": "{% set x %}{{ x }}{{ x }}{% endset %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "call block": "{% call foo() %}{% endcall %}",
    "unescaped": "{{ profile.first_name | safe }}",
    "escaping off": "{% autoescape false %}{{ profile.first_name }}{% endautoescape %}",
    "internal filter": "{{ 'a' | _joined('b') }}",
    "internal state": "{{ _rendering.steps }}",
    "star arguments": "{{ 'a' | replace(*event.order.items) }}",
    "clock": "{{ now.strftime('%s') }}",
    "chance": "{{ [1, 2] | random }}",
    "brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "sums": "{{ 1" + " + 1" * 5_000 + " }}",
    "nots": "{{ " + "not " * 3_000 + "1 }}",
    "minuses": "{{ " + "-" * 3_000 + "1 }}",
    "ifs": "{% if 1 %}" * 500 + "x" + "{% endif %}" * 500,
    "fors": "{% for a in [1] %}" * 40 + "x" + "{% endfor %}" * 40,
    "attributes": "{{ profile" + ".x" * 3_000 + " }}",
    "filters": "{{ profile" + " | upper" * 3_000 + " }}",
    "choices": "{{ " + "1 if 1 else " * 1_000 + "2 }}",
    "shadowing": "{% for event in event.order.items %}{{ event.name }}{% endfor %}",
    "huge number": "{{ '1e999999999' | round }}",
    "huge digits": "{{ 1 | number(1000000000) ~ '" + "9" * 400 + "' * 2 }}",
    "unfinished": "{{ profile.first_name",
    "empty loop": "{% for %}",
    "unknown tag": "{% debug %}",
}


def publish_and_render(channel: str, attack: str) -> None:
    if channel == "sms":
        render_sms(compile_template("evil", "pl", {"sms.txt": attack}), CONTEXT, POLE)
    else:
        files = {"email.mjml": mjml(f"<mj-text>{attack}</mj-text>"), "email.txt": "x"}
        render_email(compile_template("evil", "pl", files), CONTEXT, POLE)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_an_attack_ends_quickly_in_a_named_error(attack: str, channel: str) -> None:
    began = process_time()
    with pytest.raises((TemplateError, RenderError)):
        publish_and_render(channel, attack)
    assert process_time() - began < 2.0


@pytest.mark.parametrize(
    "source", ["{{ [''] | map(attribute='__class__') | first }}", "{{ ['a'] | join(attribute='upper') }}"]
)
def test_attributes_named_in_text_reach_no_python_object(source: str) -> None:
    assert render_sms(compile_template("evil", "pl", {"sms.txt": "|" + source}), CONTEXT, POLE).text == "|"


def test_as_much_work_as_is_allowed_ends_within_two_seconds() -> None:
    body = "{{ '" + "x" * 500 + "' | upper | length }}" * 4
    source = "{% for a in range(1000) %}{% if 0 %}" + body + "{% endif %}{{ a if 0 else '' }}{% endfor %}x"
    began = process_time()
    assert render_sms(compile_template("busy", "pl", {"sms.txt": source}), {}, POLE).text == "x"
    assert process_time() - began < 2.0
