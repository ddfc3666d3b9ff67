"""Dates, timestamps and intervals; the session is in UTC."""

from __future__ import annotations

from tests.conformance.model import Group

times = Group("date and time functions")
times.values(
    "date_add(date'2024-01-31', 1), date_sub(date'2024-03-01', 1), date'2024-01-31' + 1",
    "add_months(date'2024-01-31', 1), last_day(date'2024-02-10'), next_day(date'2024-01-01', 'TU')",
    "datediff(date'2024-03-01', date'2024-02-01'), months_between(date'2024-03-31', date'2024-02-29')",
    "date'2024-01-02' - date'2024-01-01'",
    "timestamp'2024-01-02 00:00:00' - timestamp'2024-01-01 12:00:00'",
    "date_trunc('month', timestamp'2024-05-17 13:45:10'), trunc(date'2024-05-17', 'year')",
    "year(date'2024-05-17'), month(date'2024-05-17'), day(date'2024-05-17'), quarter(date'2024-05-17')",
    "dayofweek(date'2024-05-17'), weekday(date'2024-05-17'), dayofyear(date'2024-05-17')",
    "weekofyear(date'2024-05-17')",
    "hour(timestamp'2024-05-17 13:45:10'), minute(timestamp'2024-05-17 13:45:10')",
    "second(timestamp'2024-05-17 13:45:10')",
    "extract(DOW FROM date'2024-05-17')",
    "extract(WEEK FROM date'2024-05-17'), date_part('YEAR', date'2024-05-17')",
    "extract(SECOND FROM timestamp'2024-05-17 13:45:10.25')",
    "date_format(timestamp'2024-05-07 13:05:09', 'yyyy/MM/dd HH:mm:ss EEE')",
    "date_format(date'2024-05-07', 'd MMMM yy')",
    "to_date('2024-05-17'), to_date('17.05.2024', 'dd.MM.yyyy'), to_timestamp('2024-05-17 01:02:03')",
    "to_timestamp('17/05/2024 13:00', 'dd/MM/yyyy HH:mm')",
    "try_to_timestamp('x')",
    "try_to_date('x')",
    "unix_timestamp('2024-05-17 00:00:00'), from_unixtime(0), timestamp_seconds(1)",
    "unix_millis(timestamp'1970-01-01 00:00:01')",
    "from_utc_timestamp(timestamp'2024-05-17 12:00:00', 'Europe/Berlin')",
    "to_utc_timestamp(timestamp'2024-05-17 12:00:00', 'Europe/Berlin')",
    "convert_timezone('Europe/Berlin', 'America/New_York', timestamp_ntz'2024-05-17 12:00:00')",
    "make_date(2024, 2, 29), make_timestamp(2024, 2, 29, 1, 2, 3.5)",
    "timestamp'2024-01-31 00:00:00' + INTERVAL 1 MONTH, date'2024-01-31' - INTERVAL 1 YEAR",
    "INTERVAL '1 2:03:04' DAY TO SECOND",
    "INTERVAL 3 DAYS * 2, INTERVAL 1 DAY + INTERVAL 12 HOURS",
    "cast(timestamp'2024-05-17 13:45:10' AS DATE), cast('2024-05-17' AS TIMESTAMP), cast(date'2024-05-17' AS STRING)",
    "cast(timestamp'1970-01-01 00:00:10' AS BIGINT), cast(timestamp'1970-01-01 00:00:10' AS INT)",
    "cast(1.5D AS TIMESTAMP), cast(10L AS TIMESTAMP)",
    "timestampdiff(HOUR, timestamp'2024-01-01 00:00:00', timestamp'2024-01-02 03:30:00')",
    "timestampadd(MONTH, 1, timestamp'2024-01-31 00:00:00'), dateadd(DAY, 2, date'2024-01-01')",
    "datediff(MONTH, date'2024-01-31', date'2024-03-01')",
    "timestamp'2024-05-17 13:45:10+02:00', timestamp_ntz'2024-05-17 13:45:10'",
    "date'2024-05-17' > '2024-05-01', timestamp'2024-05-17 00:00:00' = date'2024-05-17'",
    "sequence(date'2024-01-01', date'2024-03-01', INTERVAL 1 MONTH)",
    "unix_date(date'1970-01-02'), date_from_unix_date(1), dayname(date'2024-05-17'), monthname(date'2024-05-17')",
    "current_date() = to_date(current_timestamp()), now() = current_timestamp()",
    "current_timezone() IN ('UTC', 'Etc/UTC')",
)
times.sql(
    "tumbling windows",
    "SELECT window.start, count(*) FROM VALUES (timestamp'2024-01-01 00:01:00'), (timestamp'2024-01-01 00:07:00'), "
    "(timestamp'2024-01-01 00:08:00') t(ts) GROUP BY window(ts, '5 minutes')",
)
