"""Floating-point numbers as Java, and so Spark, writes them.

Source: https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Double.html#toString(double)
"""

from __future__ import annotations

import math

__all__ = ["java_double", "java_float"]


def java_double(value: float) -> str:
    """As `Double.toString`: the shortest digits that give the number, with an exponent outside 10^-3 to 10^7."""
    return _java(value, repr(value))


def java_float(value: float) -> str:
    """As `Float.toString`, of a number with single precision."""
    import numpy as np

    return _java(value, np.format_float_scientific(np.float32(value), unique=True, trim="0"))


def _java(value: float, shortest: str) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = _parts(shortest)
    if digits == "0":
        return f"{sign}0.0"
    if -3 <= exponent < 7:
        return sign + _placed(digits, exponent)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _parts(text: str) -> tuple[str, str, int]:
    """Sign, digits without zeros at either end, and the exponent of the first digit."""
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    first = len(whole) - 1 + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return sign, digits.rstrip("0") or "0", first


def _placed(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    padded = digits.ljust(exponent + 1, "0")
    return f"{padded[: exponent + 1]}.{padded[exponent + 1 :] or '0'}"
