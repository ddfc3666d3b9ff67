"""The tables: keys, the hour of the weather, and what a row may be used for."""

import pytest
from flights import checks, tables
from flights.columns import FEATURES, KEY, LABEL


def _bronze(spark):
    flight = (
        "year long, month long, day long, sched_dep_time long, sched_arr_time long, arr_delay double, carrier string"
    )
    flight += ", flight long, tailnum string, origin string, dest string, distance long, time_hour string"
    flights = spark.createDataFrame(
        [
            (2013, 1, 5, 1715, 2030, 20.0, "UA", 1, "N1", "EWR", "IAH", 1400, "2013-01-05T22:00:00Z"),
            (2013, 7, 6, 559, 700, -3.0, "AA", 2, None, "JFK", "MIA", 1000, "2013-07-06T09:00:00Z"),
            (2013, 9, 7, 1200, 1300, None, "B6", 3, "N2", "LGA", "BOS", 200, "2013-09-07T16:00:00Z"),
        ],
        flight,
    )
    weather = spark.createDataFrame(
        [("EWR", "2013-01-05T21:00:00Z", 30.0), ("EWR", "2013-01-05T22:00:00Z", 99.0)],
        "origin string, time_hour string, temp double",
    ).selectExpr("*", *(f"1.0 AS {name}" for name in ("humid", "wind_speed", "precip", "pressure", "visib")))
    planes = spark.createDataFrame(
        [("N1", 2003.0, "BOEING", 180)], "tailnum string, year double, manufacturer string, seats long"
    )
    return flights, weather, planes


@pytest.fixture(scope="module")
def features(spark):
    return tables.gold(tables.silver(*_bronze(spark)))


def test_the_weather_is_that_of_the_hour_before(features) -> None:
    assert features.where("carrier = 'UA'").first()["temp"] == 30.0


def test_one_row_a_flight_with_its_key(features) -> None:
    assert sorted(row[KEY] for row in features.collect()) == [
        "AA2-JFK-20130706",
        "B63-LGA-20130907",
        "UA1-EWR-20130105",
    ]


def test_features_are_complete_and_typed(features) -> None:
    row = features.where("carrier = 'UA'").first()
    assert (row["plane_age"], row["manufacturer"], row["departure_hour"], row["arrival_hour"]) == (
        10.0,
        "BOEING",
        17.0,
        20.0,
    )
    assert row["day_of_week"] == 7.0 and row[LABEL] == 1
    assert features.where("carrier = 'AA'").first()["manufacturer"] == "unknown"
    assert set(FEATURES) <= set(features.columns)


def test_parts_are_by_month_and_only_labelled_rows_are_learned_from(features) -> None:
    assert [tables.part(features, name).count() for name in ("training", "evaluation", "upcoming")] == [1, 1, 1]
    assert LABEL not in tables.part(features, "upcoming").columns
    assert tables.outcomes(features).count() == 0


def test_data_tests_name_every_broken_check(spark) -> None:
    table = spark.createDataFrame([("a", 25.0), ("a", None)], "k string, hour double")
    with pytest.raises(
        checks.DataTestFailed, match=r"2 rows, expected at least 3; k is unique.*1 rows; hour is not null"
    ):
        checks.run(table, [checks.unique("k"), checks.not_null("hour")], at_least=3)
