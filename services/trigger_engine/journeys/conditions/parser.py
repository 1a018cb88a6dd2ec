"""Tokens to syntax tree, by precedence climbing. Depth is bounded here, so that nothing after it can overflow."""

from __future__ import annotations

from services.trigger_engine.journeys.conditions.errors import ConditionError, Span
from services.trigger_engine.journeys.conditions.syntax import (
    Binary,
    Call,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Name,
    Node,
    Select,
    Ternary,
    Unary,
)
from services.trigger_engine.journeys.conditions.tokens import WORDS, Token, tokenize

LONGEST = 2_000
DEEPEST = 40

_TERNARY, _COMPARE, _UNARY = 1, 4, 7
_POWER = {
    "?": _TERNARY,
    "||": 2,
    "&&": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not"), _COMPARE),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/%", 6),
}
_WORD_OPERATORS = {"and": "&&", "or": "||", "in": "in", "not": "not"}
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Node:
    """Return the tree of an expression of at most 2,000 characters and 40 levels; ConditionError otherwise."""
    if len(text) > LONGEST:
        raise Span(LONGEST, len(text)).error(
            f"an expression has at most {LONGEST:,} characters", "split it: branches and exits may be lists"
        )
    parser = _Parser(list(tokenize(text)))
    tree = parser.expression(0)
    parser.finish()
    return tree


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._level = 0

    def finish(self) -> None:
        token = self._peek()
        if token.kind != "end":
            raise _unexpected(token)

    def expression(self, power: int) -> Node:
        """Read an expression whose operators bind stronger than `power`."""
        self._level += 1
        if self._level > DEEPEST:
            raise _too_deep(self._peek().span)
        left = self._prefix()
        while (operator := self._operator()) and _POWER[operator] > power:
            left = self._infix(operator, left)
        self._level -= 1
        return left

    def _operator(self) -> str:
        """Return the operator that stands next, in its sign form, or "" when none does."""
        token = self._peek()
        sign = _WORD_OPERATORS.get(token.text, "") if token.kind == "name" else token.text
        return sign if token.kind in {"name", "operator"} and sign in _POWER else ""

    def _infix(self, operator: str, left: Node) -> Node:
        token = self._take()
        if operator == "?":
            return self._ternary(left)
        if operator == "not":
            self._expect_word("in", token)
            held = self._binary("in", left, self.expression(_COMPARE))
            return Unary(held.span, _deeper(held.span, held), "!", held)
        right = self.expression(_POWER[operator])
        return self._logic(operator, left, right) if operator in {"&&", "||"} else self._binary(operator, left, right)

    def _binary(self, operator: str, left: Node, right: Node) -> Node:
        span = left.span.to(right.span)
        return Binary(span, _deeper(span, left, right), operator, left, right)

    def _logic(self, operator: str, left: Node, right: Node) -> Node:
        chain = left.items if isinstance(left, Logic) and left.operator == operator else (left,)
        items, span = (*chain, right), left.span.to(right.span)
        return Logic(span, _deeper(span, *items), operator, items)

    def _ternary(self, condition: Node) -> Node:
        yes = self.expression(0)
        self._expect(":")
        no = self.expression(0)
        span = condition.span.to(no.span)
        return Ternary(span, _deeper(span, condition, yes, no), condition, yes, no)

    def _prefix(self) -> Node:
        token = self._take()
        if token.text in {"!", "-"} or (token.kind == "name" and token.text == "not"):
            # The word binds like Python's and SQL's: `not a == b` denies the comparison.
            operand = self.expression(3 if token.text == "not" else _UNARY - 1)
            sign, span = "-" if token.text == "-" else "!", token.span.to(operand.span)
            return Unary(span, _deeper(span, operand), sign, operand)
        return self._postfix(self._primary(token))

    def _primary(self, token: Token) -> Node:
        if token.kind in {"number", "string", "duration"}:
            return Literal(token.span, 1, token.value)
        if token.text in _CONSTANTS:
            return Literal(token.span, 1, _CONSTANTS[token.text])
        if token.kind == "name" and token.text not in WORDS:
            return self._call(None, token) if self._peek().text == "(" else Name(token.span, 1, token.text)
        if token.text == "(":
            inner = self.expression(0)
            self._expect(")")
            return inner
        if token.text == "[":
            items, end = self._items("]")
            span = token.span.to(end)
            return ListLiteral(span, _deeper(span, *items), items)
        raise _unexpected(token)

    def _postfix(self, node: Node) -> Node:
        while self._peek().kind == "operator" and self._peek().text in {".", "["}:
            node = self._select(node) if self._take().text == "." else self._index(node)
        return node

    def _select(self, base: Node) -> Node:
        token = self._take()
        if token.kind != "name":
            raise token.span.error("a field's name must follow the dot", "write it like event.cart.total")
        if self._peek().text == "(":
            return self._call(base, token)
        span = base.span.to(token.span)
        return Select(span, _deeper(span, base), base, token.text, token.span)

    def _index(self, base: Node) -> Node:
        key = self.expression(0)
        span = base.span.to(self._expect("]").span)
        return Index(span, _deeper(span, base, key), base, key)

    def _call(self, base: Node | None, name: Token) -> Node:
        self._take()
        arguments, end = self._items(")")
        span = (base.span if base else name.span).to(end)
        inside = (base, *arguments) if base else arguments
        return Call(span, _deeper(span, *inside), base, name.text, name.span, arguments)

    def _items(self, close: str) -> tuple[tuple[Node, ...], Span]:
        items: list[Node] = []
        while self._peek().text != close:
            items.append(self.expression(0))
            if self._peek().text != close:
                self._expect(",")
        return tuple(items), self._take().span

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _expect(self, sign: str) -> Token:
        token = self._take()
        if token.kind != "operator" or token.text != sign:
            raise _unexpected(token, f"'{sign}' is missing before it" if token.kind != "end" else f"add '{sign}'")
        return token

    def _expect_word(self, word: str, after: Token) -> None:
        token = self._take()
        if token.kind != "name" or token.text != word:
            raise after.span.error("unexpected 'not'", "write '!=' or 'not in'")


def _deeper(span: Span, *children: Node) -> int:
    depth = 1 + max((child.depth for child in children), default=0)
    if depth > DEEPEST:
        raise _too_deep(span)
    return depth


def _too_deep(span: Span) -> ConditionError:
    return span.error(f"this is nested more than {DEEPEST} levels deep", "split it into several conditions")


def _unexpected(token: Token, hint: str = "") -> ConditionError:
    if token.kind == "end":
        return token.span.error("the expression ends too early", hint or "complete it, such as event.cart.total >= 100")
    shown = token.text if len(token.text) <= 40 else f"{token.text[:40]}…"
    joined = "join two conditions with && or ||" if token.kind != "operator" else ""
    return token.span.error(f"unexpected {shown}", hint or joined)
