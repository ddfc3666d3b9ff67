"""The tables of the project as functions from DataFrames to DataFrames."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from flights.columns import CATEGORIES, KEY, LABEL, LATE_MINUTES, NUMBERS

MONTHS = {"training": (1, 6), "evaluation": (7, 8), "upcoming": (9, 12)}


def silver(flights: DataFrame, weather: DataFrame, planes: DataFrame) -> DataFrame:
    """One row a flight: typed, with a key, the plane, and the weather an hour before scheduled departure.

    The weather of the hour of departure itself is not known when the prediction is made.
    """
    flights = flights.withColumn("departs_at", F.to_timestamp("time_hour"))
    observed = weather.select(
        "origin",
        (F.to_timestamp("time_hour") + F.expr("INTERVAL 1 HOUR")).alias("departs_at"),
        *(F.col(name).cast("double") for name in ("temp", "humid", "wind_speed", "precip", "pressure", "visib")),
    )
    known = planes.select(
        "tailnum",
        F.col("year").cast("double").alias("built"),
        F.col("manufacturer"),
        F.col("seats").cast("double").alias("seats"),
    )
    return (
        flights.join(observed, ["origin", "departs_at"], "left")
        .join(known, ["tailnum"], "left")
        .withColumn(KEY, _key())
        .withColumn("plane_age", F.col("year") - F.col("built"))
    )


def gold(silver_flights: DataFrame) -> DataFrame:
    """The features, the outcome where there is one, and the month that decides what a row is used for."""
    return silver_flights.select(
        KEY,
        F.col("month").cast("int").alias("month"),
        *(F.coalesce(F.col(name), F.lit("unknown")).alias(name) for name in CATEGORIES),
        *(column.cast("double").alias(name) for name, column in _numbers().items()),
        F.when(F.col("arr_delay").isNotNull(), (F.col("arr_delay") >= LATE_MINUTES).cast("int")).alias(LABEL),
    )


def part(features: DataFrame, name: str) -> DataFrame:
    """The rows of one part (`training`, `evaluation`, `upcoming`), by month.

    Flights without an outcome (cancelled or diverted) can be scored, but neither trained on nor evaluated with.
    """
    first, last = MONTHS[name]
    rows = features.where(F.col("month").between(first, last)).drop("month")
    return rows.drop(LABEL) if name == "upcoming" else rows.where(F.col(LABEL).isNotNull())


def outcomes(features: DataFrame) -> DataFrame:
    """What happened to the upcoming flights: known only later, and only for the ones that arrived."""
    first, last = MONTHS["upcoming"]
    return features.where(F.col("month").between(first, last) & F.col(LABEL).isNotNull()).select(KEY, "month", LABEL)


def _key() -> Column:
    date = F.format_string("%04d%02d%02d", "year", "month", "day")
    return F.concat(F.col("carrier"), F.col("flight").cast("string"), F.lit("-"), F.col("origin"), F.lit("-"), date)


def _numbers() -> dict[str, Column]:
    computed = {
        "departure_hour": F.floor(F.col("sched_dep_time") / 100),
        "departure_minute": F.col("sched_dep_time") % 100,
        "arrival_hour": F.floor(F.col("sched_arr_time") / 100),
        "day_of_week": F.dayofweek(F.make_date("year", "month", "day")),
    }
    return {name: computed.get(name, F.col(name)) for name in NUMBERS}
