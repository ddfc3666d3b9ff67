"""Rules of values that need no engine: settings, regular expressions, frames of windows."""

from __future__ import annotations

import pytest

from brickyard.workspace.compute.gateway.allowed_settings import check_setting
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.values import correct_sql
from brickyard.workspace.compute.gateway.values.probes import Asked, Question
from brickyard.workspace.compute.gateway.values.rules.regexes import as_rust, matches_nothing


@pytest.mark.parametrize(
    ("key", "value", "condition"),
    [
        ("spark.sql.ansi.enabled", "false", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.legacy.timeParserPolicy", "LEGACY", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.orderByOrdinal", "False", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.legacy.ctePrecedencePolicy", "legacy", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.legacy.anyOther", "true", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.caseSensitive", "true", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.sources.default", "parquet", "UNSUPPORTED_BY_ENGINE"),
        ("spark.databricks.delta.properties.defaults.appendOnly", "true", "UNSUPPORTED_BY_ENGINE"),
        ("spark.sql.session.timeZone", "Mars/Olympus", "INVALID_CONF_VALUE.TIME_ZONE"),
    ],
)
def test_a_setting_that_would_change_results_is_refused(key: str, value: str, condition: str) -> None:
    with pytest.raises(SparkError) as raised:
        check_setting(key, value)
    assert raised.value.condition == condition


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.sql.ansi.enabled", "true"),
        ("spark.sql.legacy.timeParserPolicy", "CORRECTED"),
        ("spark.sql.legacy.anyOther", "false"),
        ("spark.sql.legacy.createHiveTableByDefault", "true"),
        ("spark.sql.session.timeZone", "Europe/Madrid"),
        ("spark.sql.session.timeZone", "+02:00"),
        ("spark.sql.sources.default", "delta"),
        ("spark.databricks.delta.properties.defaults.enableChangeDataFeed", "true"),
        ("spark.sql.shuffle.partitions", "8"),
    ],
)
def test_other_settings_are_made(key: str, value: str) -> None:
    check_setting(key, value)


@pytest.mark.parametrize(
    ("java", "rust"),
    [
        (r"\w+", "[0-9A-Za-z_]+"),
        (r"[\w.]", "[0-9A-Za-z_.]"),
        (r"\D", "[^0-9]"),
        (r"\p{Alpha}", "[A-Za-z]"),
        (r"\p{L}", r"\p{L}"),
        (r"a.c", r"a[^\n\r\x{85}\x{2028}\x{2029}]c"),
        (r"(?s)a.c", r"(?s)a.c"),
        (r"\.", r"\."),
    ],
)
def test_a_regular_expression_means_in_rust_what_it_means_in_java(java: str, rust: str) -> None:
    assert as_rust(java) == rust


@pytest.mark.parametrize("pattern", ["a++", "a*+b", "[[:alpha:]]"])
def test_a_pattern_that_rust_reads_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(SparkError):
        as_rust(pattern)


def test_patterns_that_match_between_characters_are_known() -> None:
    assert matches_nothing("a*", 1)
    assert matches_nothing("^", 0)
    assert not matches_nothing("^", 1)
    assert not matches_nothing("a+", 0)


def of_doubles(question: Question) -> Asked:
    """Every expression is a DOUBLE."""
    return [("x", "double") for _ in question.texts]


@pytest.mark.parametrize(
    ("frame", "listed"),
    [("ROWS 1 PRECEDING", True), ("ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", False), ("", False)],
)
def test_only_over_a_sliding_frame_a_sum_is_of_a_list(frame: str, listed: bool) -> None:
    corrected = correct_sql(f"SELECT sum(x) OVER (ORDER BY x {frame}) AS s FROM t", of_doubles)
    assert ("collect_list" in corrected) is listed
