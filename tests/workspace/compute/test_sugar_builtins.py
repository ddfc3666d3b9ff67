"""Functions of Databricks that Sail does not have, or computes otherwise."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

T = "(SELECT * FROM VALUES (0), (1), (2), (10) AS t(c))"

#: Expressions with the values that Databricks' documentation gives, or that follow from it.
VALUES: dict[str, Any] = {
    "charindex('bar', 'foobarbar', 5)": 7,
    "iff(1 < 2, 'a', 'b')": "a",
    "timediff(HOUR, TIMESTAMP'2020-01-01 00:00:00', TIMESTAMP'2020-01-02 03:00:00')": 27,
    "getdate() IS NOT NULL": True,
    "try_to_date('x')": None,
    "try_to_date('02/01/2020', 'dd/MM/yyyy')": dt.date(2020, 1, 2),
    "decode(5, 6, 'Spark', 5, 'SQL', 4, 'rocks')": "SQL",
    "decode(NULL, 6, 'Spark', NULL, 'SQL', 4, 'rocks')": "SQL",
    "decode(7, 6, 'Spark', 'no')": "no",
    "decode(encode('Spark SQL', 'UTF-8'), 'UTF-8')": "Spark SQL",
    f"(SELECT percentile_approx(c, array(0.5, 0.4, 0.1), 100) FROM {T})": [1, 1, 0],
    f"(SELECT approx_percentile(c, 0.5) FROM {T})": 1,
    f"(SELECT percentile_approx(c, 0.5) FROM {T} WHERE c > 99)": None,
    "is_account_group_member('nosuch')": False,
    "is_member('admins')": True,
    "length(current_metastore()) > 0": True,
}


@pytest.mark.parametrize("expression", VALUES, ids=list(VALUES))
def test_value(client: Any, expression: str) -> None:
    assert client.sql(f"SELECT {expression} AS x").collect()[0][0] == VALUES[expression]


def test_the_session_knows_its_user(client: Any) -> None:
    from pyspark.sql import functions as F

    row = client.sql("SELECT current_user(), session_user() AS s, user() AS u, current_user AS c").collect()[0]
    assert len(set(row)) == 1
    assert row[0].endswith("@localhost")
    assert client.range(1).select(F.current_user()).collect()[0][0] == row[0]


@pytest.mark.parametrize(
    "call", ["ai_query('a', 'b')", "h3_longlatash3(1, 2, 3)", "secret('a', 'b')", "st_point(1, 2)"]
)
def test_what_is_not_here_is_refused_by_name(client: Any, call: str) -> None:
    with pytest.raises(Exception, match=f"UNSUPPORTED_BY_ENGINE.*{call.split('(')[0]}"):
        client.sql(f"SELECT {call}").collect()


def test_a_function_that_the_client_has_registered_is_not_refused(client: Any) -> None:
    client.udf.register("st_mine", lambda x: x + 1, "int")
    assert client.sql("SELECT st_mine(1) AS x").collect()[0][0] == 2
