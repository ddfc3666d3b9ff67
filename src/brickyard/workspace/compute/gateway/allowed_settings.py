"""Settings that change results and that Sail does not look at: set to what it does anyway, or refused."""

from __future__ import annotations

import re
import zoneinfo

from brickyard.workspace.compute.gateway.errors import ILLEGAL, OTHER_ENGINE, SparkError, unsupported

__all__ = ["check_setting"]

ZONE = "spark.sql.session.timeZone"
TRIED = "Use try_cast, try_divide, try_add and their kin for NULL in place of errors"
PATTERNS = "Write the pattern as Spark 3 and later read it (one letter for one or two digits: 'yyyy-M-d')"
OTHERWISE = "Write the query so that it does not matter"
#: What each setting has to be, in small letters, and what to do instead of setting it otherwise.
EXPECTED: dict[str, tuple[tuple[str, ...], str]] = {
    "spark.sql.ansi.enabled": (("true",), TRIED),
    "spark.sql.legacy.timeParserPolicy": (("exception", "corrected"), PATTERNS),
    "spark.sql.storeAssignmentPolicy": (("ansi",), "Cast the values"),
    "spark.sql.timestampType": (("timestamp_ltz",), "Write TIMESTAMP_NTZ"),
    "spark.sql.legacy.ctePrecedencePolicy": (("corrected",), OTHERWISE),
    "spark.sql.sources.default": (("delta",), "Name the format: USING parquet, df.write.format('parquet')"),
    "spark.sql.files.maxRecordsPerFile": (("0",), "Use repartition()"),
    "spark.sql.parquet.mergeSchema": (("false",), "Use the option mergeSchema"),
    "spark.sql.orc.mergeSchema": (("false",), "Use the option mergeSchema"),
    "spark.databricks.delta.commitInfo.userMetadata": (("",), "Keep it in a table's comment or properties"),
    "spark.sql.binaryOutputStyle": (("hex_discrete",), "Use hex() or base64()"),
    **dict.fromkeys(
        (
            "spark.sql.decimalOperations.allowPrecisionLoss",
            "spark.sql.parquet.int96AsTimestamp",
            "spark.sql.parquet.inferTimestampNTZ.enabled",
            "spark.databricks.delta.replaceWhere.constraintCheck.enabled",
            "spark.databricks.delta.replaceWhere.dataColumns.enabled",
            "spark.sql.orderByOrdinal",
            "spark.sql.groupByOrdinal",
            "spark.sql.groupByAliases",
            "spark.sql.crossJoin.enabled",
            "spark.sql.jsonGenerator.ignoreNullFields",
            "spark.sql.lateralColumnAlias.enableImplicitResolution",
            "spark.sql.readSideCharPadding",
            "spark.sql.analyzer.lowerEmptyGroupingSetToGlobalAggregate.enabled",
            "spark.sql.legacy.followThreeValuedLogicInArrayExists",
            "spark.sql.legacy.literal.pickMinimumPrecision",
            "spark.sql.legacy.viewSchemaBindingMode",
            "spark.sql.legacy.viewSchemaCompensation",
        ),
        (("true",), OTHERWISE),
    ),
    **dict.fromkeys(
        (
            "spark.sql.caseSensitive",
            "spark.sql.collation.allowInMapKeys",
            "spark.sql.fileSource.insert.enforceNotNull",
            "spark.sql.files.ignoreCorruptFiles",
            "spark.sql.files.ignoreMissingFiles",
            "spark.sql.parquet.binaryAsString",
            "spark.sql.execution.pythonUDF.pandas.intToDecimalCoercionEnabled",
            "spark.sql.execution.pythonUDF.pandas.preferIntExtensionDtype",
            "spark.sql.charAsVarchar",
            "spark.sql.preserveCharVarcharTypeInfo",
            "spark.sql.path.enabled",
            "spark.sql.ansi.doubleQuotedIdentifiers",
            "spark.sql.ansi.enforceReservedKeywords",
            "spark.sql.ansi.relationPrecedence",
            "spark.sql.parser.escapedStringLiterals",
            "spark.sql.parser.quotedRegexColumnNames",
            "spark.sql.function.concatBinaryAsString",
            "spark.sql.function.eltOutputAsString",
        ),
        (("false",), OTHERWISE),
    ),
}
#: Earlier behaviour of Spark, each behind a setting that is false unless it is above.
LEGACY = "spark.sql.legacy."
#: Those that change no result here.
HARMLESS = frozenset(
    LEGACY + name
    for name in (
        "allowCreatingManagedTableUsingNonemptyLocation",
        "blockCreateTempTableUsingProvider",
        "createHiveTableByDefault",
        "setCommandRejectsSparkCoreConfs",
        "sizeOfNull",
    )
)
#: Properties that new tables are to have; all but these are written with the table.
DEFAULTS = "spark.databricks.delta.properties.defaults."
KEPT = frozenset({"enableChangeDataFeed", "autoOptimize.autoCompact", "autoOptimize.optimizeWrite"})
OFFSET = re.compile(r"(UTC|GMT|UT)?[+-]\d{1,2}(:?\d{2}){0,2}|Z")


def check_setting(key: str, value: str) -> None:
    """Look at a setting before it is made.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE, or INVALID_CONF_VALUE.TIME_ZONE.
    """
    others = (
        (("false", "corrected", "exception"), OTHERWISE) if key.startswith(LEGACY) and key not in HARMLESS else ((), "")
    )
    expected, instead = EXPECTED.get(key, others)
    if expected and value.strip().lower() not in expected:
        raise unsupported(f"the setting {key} = {value}", f"{instead}, or {OTHER_ENGINE}.")
    if key.startswith(DEFAULTS) and key.removeprefix(DEFAULTS) not in KEPT:
        raise unsupported(f"the setting {key}", "Write TBLPROPERTIES with the table.")
    if key == ZONE and not _is_zone(value.strip()):
        raise SparkError(
            "INVALID_CONF_VALUE.TIME_ZONE",
            f"The value '{value}' in the config \"{key}\" is invalid. Cannot resolve the given timezone.",
            kind=ILLEGAL,
            sql_state="22022",
        )


def _is_zone(value: str) -> bool:
    return OFFSET.fullmatch(value) is not None or _is_known(value) or not _is_known("Europe/Paris")


def _is_known(value: str) -> bool:
    """Whether the system has data of a time zone; it may have none at all."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True
