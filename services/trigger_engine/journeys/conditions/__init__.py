"""The typed expression language of conditions, keys and moments: a documented subset of CEL (docs/conditions.md)."""

from services.trigger_engine.journeys.conditions.compiler import (
    CallKey,
    Condition,
    Environment,
    any_holds,
    compile_condition,
)
from services.trigger_engine.journeys.conditions.durations import (
    DurationError,
    Unit,
    parse_duration,
    parse_duration_parts,
)
from services.trigger_engine.journeys.conditions.errors import ConditionError
from services.trigger_engine.journeys.conditions.types import (
    ANY,
    BOOL,
    DURATION,
    MONEY,
    NULL,
    NUMBER,
    STRING,
    TIMESTAMP,
    Function,
    ListOf,
    Record,
    Type,
)

__all__ = [
    "ANY",
    "BOOL",
    "DURATION",
    "MONEY",
    "NULL",
    "NUMBER",
    "STRING",
    "TIMESTAMP",
    "CallKey",
    "Condition",
    "ConditionError",
    "DurationError",
    "Environment",
    "Function",
    "ListOf",
    "Record",
    "Type",
    "Unit",
    "any_holds",
    "compile_condition",
    "parse_duration",
    "parse_duration_parts",
]
