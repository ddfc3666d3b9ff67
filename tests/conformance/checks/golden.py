"""Values and mistakes that Apache Spark's own SQL tests ask for, and that the gateway had otherwise."""

from __future__ import annotations

from tests.conformance.model import Group

golden = Group("Spark's own tests")
golden.values(
    "date'2012-01-01' - interval 3 hours, date'2012-01-01' + interval '12:12:12' hour to second, interval '2' minute + "
    "date'2012-01-01', date'2012-01-01' + interval '1' day, date'2012-01-01' + make_dt_interval(1)",
    "date'2012-01-31' + interval 1 year 1 month, date'2012-01-01' + interval 1 day 2 hours, d - interval '4' day -5 "
    "minutes 1.5 seconds FROM VALUES (timestamp'2012-01-01 00:00:00') t(d)",
    "interval -1 day 1 hour -1 minute 1 second, interval +'1 2:3:4.001' day to second, interval 1 day '2' hours AS i",
    "try_to_timestamp(1), try_to_timestamp(date'2020-01-01'), typeof(timestamp_ltz'2020-01-01 00:00:00')",
)
