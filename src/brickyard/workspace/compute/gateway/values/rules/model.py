"""What a correction needs to know of a call, and what it says of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["Call", "Fix", "Operand", "Rule", "all_of", "different", "mismatch", "need_order", "unexpected", "untyped"]

#: Types whose values have no order, alone or inside of others.
UNORDERED = re.compile(r"map<|(^|[<,:])variant($|[>,])")


@dataclass(frozen=True)
class Operand:
    """One operand of a call.

    Args:
        kind: Its type as Spark writes it; empty if it is not known.
        value: The value of a literal, as text.
        text: How it is written.
    """

    kind: str = ""
    value: str | None = None
    text: str = ""

    @property
    def word(self) -> str:
        """A keyword such as `DAY`, which data frames give as a literal."""
        return (self.value if self.value is not None else self.text).upper()

    @property
    def number(self) -> int | None:
        """The value of an integer literal."""
        digits = (self.value or "").removeprefix("-")
        return int(self.value or "") if digits.isdigit() else None


@dataclass(frozen=True)
class Call:
    """A call or an operator.

    Args:
        name: In lower case; operators by their sign, `cast` with the type as its second operand, `case` with the
            results of its branches.
        operands: What it is called with.
        compared: It is compared with something: the engine then moves casts to the other side.
        zoned: The session has another zone than UTC.
        deep: So much arithmetic is in the plan that casts in it have to be TRY_CAST.
    """

    name: str
    operands: Sequence[Operand]
    compared: bool = False
    zoned: bool = False
    deep: bool = False

    def cast(self, number: int, kind: str) -> str:
        """SQL for an operand, from 1, as a type that holds all its values."""
        word = "TRY_CAST" if self.deep and self.operands[number - 1].value is None else "CAST"
        return f"{word}(${number} AS {kind})"

    def kind(self, number: int = 0) -> str:
        """The type of an operand, empty if there is no such operand."""
        return self.operands[number].kind if number < len(self.operands) else ""


@dataclass(frozen=True)
class Fix:
    """What takes the place of a call.

    Args:
        template: SQL for the engine, in which `$1` is the first operand; empty to leave the call.
        kind: The type of the result; empty if the engine must be asked.
        inner: SQL for single operands, by their number from 1, in which `$0` is the operand; the call stays.
        around: SQL around the call that stays, with its window and filter, in which `$0` is the call.
        grouped: The template has aggregate functions, whose operands are of rows.
        still: The engine must not move the call.
    """

    template: str = ""
    kind: str = ""
    inner: Mapping[int, str] = field(default_factory=dict)
    around: str = ""
    grouped: bool = False
    still: bool = False


@dataclass(frozen=True)
class Rule:
    """How calls of one function are corrected.

    Args:
        make: Gives the correction, or None if the call is right as it is.
        asks: The numbers of the operands whose types it needs; None for all.
        needless: Says of a call that it needs no types after all.
        strict: Without the types, the value could be wrong.
    """

    make: Callable[[Call], Fix | None]
    asks: tuple[int, ...] | None = ()
    needless: Callable[[Call], bool] | None = None
    strict: bool = False

    def wanted(self, call: Call) -> list[int]:
        """The numbers of the operands whose types are needed."""
        if self.needless is not None and self.needless(call):
            return []
        numbers = range(len(call.operands)) if self.asks is None else self.asks
        return [number for number in numbers if number < len(call.operands)]


def untyped(template: str, kind: str = "") -> Rule:
    """A rule that always puts the same in place."""
    return Rule(lambda _: Fix(template, kind))


def all_of(call: Call, first: int = 1) -> str:
    """The operands as a list of placeholders."""
    return ", ".join(f"${number}" for number in range(first, len(call.operands) + 1))


def mismatch(condition: str, message: str) -> SparkError:
    """The error for types that do not go together."""
    return SparkError(f"DATATYPE_MISMATCH.{condition}", message, sql_state="42K09")


def different(name: str, kinds: Sequence[str]) -> SparkError:
    """The error for operands that should be of one type."""
    found = ", ".join(f'"{kind.upper()}"' for kind in dict.fromkeys(kinds))
    text = f"Cannot resolve `{name}`: its input should all be the same type, but it is [{found}]. Cast one of them."
    return mismatch("DATA_DIFF_TYPES", text)


def need_order(name: str, kinds: Iterable[str]) -> None:
    """Raise for types whose values are neither more, less nor as much as others."""
    kind = next((kind for kind in kinds if UNORDERED.search(kind)), "")
    if kind:
        raise mismatch("INVALID_ORDERING_TYPE", f'The `{name}` does not support ordering on type "{kind.upper()}".')


def unexpected(name: str, number: int, wanted: str, kind: str) -> SparkError:
    """The error for an operand of a type that a function does not take."""
    text = f"Cannot resolve `{name}`: parameter {number} requires the {wanted} type, but it is {kind.upper()}. Cast it."
    return mismatch("UNEXPECTED_INPUT_TYPE", text)
