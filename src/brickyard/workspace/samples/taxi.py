"""Taxi trips in New York, made up from a seed: the columns and the size of the vendor's `samples.nyctaxi.trips`.

The same rows on every machine: the random numbers are of NumPy's frozen generator (`RandomState`), and everything
after them is plain arithmetic. The relations are those of the real trips: fares grow with distance and time by the
meter of 2016, streets are slow at working hours and fast at night, most trips are short and start in Manhattan.
"""

from __future__ import annotations

from typing import Any

__all__ = ["ROWS", "SEED", "trips"]

ROWS = 21_932
SEED = 2016
_FIRST, _DAYS = "2016-01-01", 60

#: Zip code, miles east and miles north of Times Square, and how many trips start there for one that starts in Queens.
_ZIPS = (
    (10001, -0.6, -0.7, 60), (10002, 0.3, -3.0, 20), (10003, -0.1, -1.9, 55), (10009, 0.5, -2.1, 22),
    (10010, 0.2, -1.2, 35), (10011, -0.8, -1.2, 60), (10012, -0.5, -2.3, 38), (10013, -0.8, -2.9, 36),
    (10014, -1.0, -1.7, 34), (10016, 0.5, -0.8, 62), (10017, 0.7, -0.3, 48), (10018, -0.3, -0.2, 50),
    (10019, 0.0, 0.6, 75), (10020, 0.3, 0.2, 14), (10021, 1.5, 0.8, 45), (10022, 0.9, 0.1, 68),
    (10023, 0.1, 1.4, 58), (10024, 0.4, 2.1, 38), (10025, 0.6, 2.9, 30), (10026, 1.2, 3.2, 9),
    (10027, 1.1, 3.8, 10), (10028, 1.6, 1.4, 42), (10029, 2.0, 2.5, 12), (10031, 1.2, 5.0, 6),
    (10032, 1.4, 5.9, 6), (10035, 2.3, 3.2, 5), (10036, -0.1, 0.1, 70), (10038, -0.6, -3.5, 16),
    (10065, 1.2, 0.6, 50), (10069, -0.3, 1.5, 6), (10075, 1.4, 1.1, 30), (10103, 0.4, 0.3, 12),
    (10110, 0.1, -0.1, 10), (10119, -0.4, -0.6, 8), (10128, 1.7, 1.8, 40), (10280, -1.2, -3.4, 10),
    (10282, -1.1, -3.0, 9), (11101, 2.7, -0.3, 6), (11201, 0.0, -4.6, 8), (11211, 1.7, -3.2, 7),
    (11215, -0.4, -6.4, 3), (11217, 0.3, -5.2, 4), (11222, 1.9, -2.1, 3), (11238, 0.9, -5.4, 2),
    (11371, 5.8, 1.4, 24), (11377, 4.2, -0.8, 2), (11422, 13.0, -6.9, 14),
)  # fmt: skip
#: How many trips start in each hour of a working day and of a weekend's.
_WORKING = (22, 14, 9, 6, 5, 7, 18, 34, 44, 43, 40, 41, 44, 44, 46, 44, 38, 45, 56, 58, 54, 52, 48, 36)
_WEEKEND = (46, 40, 33, 25, 15, 7, 8, 12, 19, 28, 36, 41, 45, 46, 45, 44, 41, 43, 48, 48, 44, 42, 43, 42)
_WEEKEND_DAYS = (5, 6)
_NIGHT, _EVENING = (20, 21, 22, 23, 0, 1, 2, 3, 4, 5), (16, 17, 18, 19)


def trips() -> Any:
    """The trips as a `pyarrow.Table`: pickup and dropoff (UTC), miles, dollars, zip codes."""
    import numpy as np
    import pyarrow as pa

    random = np.random.RandomState(SEED)
    zips = np.array([row[0] for row in _ZIPS], dtype=np.int32)
    places = np.array([row[1:3] for row in _ZIPS])
    starts = _choose(random, np.array([row[3] for row in _ZIPS], dtype=float))
    ends = _ends(random, places, starts)
    days, hours, seconds = _times(random)
    miles = _miles(random, places, starts, ends)
    minutes = _minutes(random, miles, days, hours)
    fares = _fares(random, miles, minutes, hours)
    pickup = np.datetime64(_FIRST, "s") + (days * 86_400 + hours * 3_600 + seconds).astype("timedelta64[s]")
    dropoff = pickup + np.rint(minutes * 60).astype("timedelta64[s]")
    order = np.argsort(pickup, kind="stable")
    when = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "tpep_pickup_datetime": pa.array(pickup[order].astype("datetime64[us]")).cast(when),
            "tpep_dropoff_datetime": pa.array(dropoff[order].astype("datetime64[us]")).cast(when),
            "trip_distance": miles[order],
            "fare_amount": fares[order],
            "pickup_zip": zips[starts[order]],
            "dropoff_zip": zips[ends[order]],
        }
    )


def _choose(random: Any, weights: Any) -> Any:
    """As many indexes as there are rows, each as often as its weight says."""
    import numpy as np

    shares = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(shares, random.random_sample(ROWS), side="right")


def _ends(random: Any, places: Any, starts: Any) -> Any:
    """Where trips go: near places are likelier, and twice as busy ones twice as likely."""
    import numpy as np

    weights = np.array([row[3] for row in _ZIPS], dtype=float)
    apart = np.abs(places[:, None, :] - places[None, :, :]).sum(axis=2)
    likely = weights[None, :] / (1.0 + apart) ** 2
    shares = np.cumsum(likely, axis=1) / likely.sum(axis=1, keepdims=True)
    return (shares[starts] <= random.random_sample(ROWS)[:, None]).sum(axis=1)


def _times(random: Any) -> tuple[Any, Any, Any]:
    """Day since the first, hour of the day, second of the hour."""
    import numpy as np

    days = np.floor(random.random_sample(ROWS) * _DAYS).astype(np.int64)
    free = np.isin(_weekday(days), _WEEKEND_DAYS)
    hours = np.where(free, _choose(random, np.array(_WEEKEND)), _choose(random, np.array(_WORKING)))
    return days, hours.astype(np.int64), np.floor(random.random_sample(ROWS) * 3_600).astype(np.int64)


def _weekday(days: Any) -> Any:
    """0 is a Monday; the first day is a Friday."""
    return (days + 4) % 7


def _miles(random: Any, places: Any, starts: Any, ends: Any) -> Any:
    """Along the streets, with a walk around the block where both ends are in one place."""
    import numpy as np

    straight = np.abs(places[starts] - places[ends]).sum(axis=1)
    inside = 0.3 + 0.9 * random.random_sample(ROWS)
    return np.round(straight * (1.05 + 0.3 * random.random_sample(ROWS)) + inside, 2)


def _minutes(random: Any, miles: Any, days: Any, hours: Any) -> Any:
    """Slow in the streets at working hours, faster at night, at weekends and on long ways."""
    import numpy as np

    by_hour = np.array([60.0 - weight for weight in _WORKING])
    speed = 6.0 + by_hour[hours] * 0.16 + np.minimum(miles, 15.0) * 0.7
    speed = np.where(np.isin(_weekday(days), _WEEKEND_DAYS), speed * 1.15, speed)
    return 1.0 + miles / (speed * (0.75 + 0.5 * random.random_sample(ROWS))) * 60


def _fares(random: Any, miles: Any, minutes: Any, hours: Any) -> Any:
    """The meter of 2016: 2.50 dollars, 2.50 a mile or 0.50 a slow minute, more at night and in the evening."""
    import numpy as np

    slow = np.maximum(0.0, minutes - miles * 4.0)
    extra = np.where(np.isin(hours, _NIGHT), 0.5, np.where(np.isin(hours, _EVENING), 1.0, 0.0))
    fares = np.rint((2.5 + 2.5 * miles + 0.5 * slow + extra) * 2) / 2
    airport = (miles > 15) & (random.random_sample(ROWS) < 0.9)
    return np.where(airport, 52.0, fares)
