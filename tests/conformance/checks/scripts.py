"""SQL scripts: `BEGIN ... END`."""

from __future__ import annotations

from typing import Any

from tests.conformance.model import At, Group, rows

scripts = Group("SQL scripts")
E = "DECLARE EXIT HANDLER FOR"

for _name, _body in {
    "the last query": "SELECT 1; SELECT 2;",
    "no query": "DECLARE x INT; SET x = (SELECT 3);",
    "nothing": "",
    "a command after a query": "SELECT 1 AS a; SHOW TABLES;",
    "SHOW PARTITIONS after a query": "CREATE TABLE p (i INT, k INT) PARTITIONED BY (k); "
    "SELECT 1 AS a; SHOW PARTITIONS p;",
    "not atomic": "NOT ATOMIC SELECT 5 AS a;",
    "several variables": "DECLARE x, y INT DEFAULT 5; SET x = x + 1; SELECT x, y;",
    "a variable without a type": "DECLARE x = 5; SELECT x;",
    "a default that does not fit": "DECLARE x INT DEFAULT 'a';",
    "a variable twice": "DECLARE x INT; DECLARE x INT;",
    "a variable after a statement": "SELECT 1; DECLARE x INT;",
    "a variable after a handler": f"{E} SQLEXCEPTION SELECT 2; DECLARE x INT;",
    "a variable replaced": "DECLARE OR REPLACE x INT; SELECT 1;",
    "an inner variable": "DECLARE x INT DEFAULT 1; BEGIN DECLARE x INT DEFAULT 2; SELECT x; END;",
    "an outer variable": "DECLARE x INT DEFAULT 1; BEGIN DECLARE x INT DEFAULT 2; END; SELECT x;",
    "a column before a variable": "DECLARE id INT DEFAULT 7; SELECT id FROM range(1);",
    "a variable by its label": "l: BEGIN DECLARE x INT DEFAULT 3; SET l.x = l.x + 1; SELECT x, l.x AS y; END;",
    "no such variable": "SET nosuch = 1;",
    "a setting is no variable": "SET spark.sql.x.y = 1;",
    "variables of a query": "DECLARE a INT; DECLARE b INT; SET (a, b) = (SELECT 1, 2); SELECT a, b;",
    "a subquery of two rows": "DECLARE x INT; SET x = (SELECT id FROM range(2));",
    "IF of NULL": "DECLARE x INT; IF x > 1 THEN SELECT 1; ELSE SELECT 2; END IF;",
    "ELSEIF": "IF false THEN SELECT 1; ELSEIF true THEN SELECT 2; ELSE SELECT 3; END IF;",
    "IF with CASE in it": "IF CASE WHEN true THEN true ELSE false END THEN SELECT 4; END IF;",
    "IF of a number": "IF 1 THEN SELECT 1; END IF;",
    "IF without statements": "IF true THEN END IF;",
    "CASE of a value": "CASE 3 WHEN 1 THEN SELECT 1; ELSE SELECT 9; END CASE;",
    "CASE of conditions": "CASE WHEN 1 = 2 THEN SELECT 1; WHEN true THEN SELECT 9; END CASE;",
    "CASE without a match": "CASE 3 WHEN 1 THEN SELECT 1; END CASE;",
    "WHILE": "DECLARE x INT = 1; WHILE x < 4 DO SET x = x + 1; END WHILE; SELECT x;",
    "REPEAT": "DECLARE i INT DEFAULT 0; REPEAT SET i = i + 1; UNTIL i > 3 END REPEAT; SELECT i;",
    "LOOP": "DECLARE i INT DEFAULT 0; l: LOOP SET i = i + 1; IF i = 2 THEN ITERATE l; END IF; "
    "IF i > 4 THEN LEAVE l; END IF; END LOOP l; SELECT i;",
    "FOR": "DECLARE s INT DEFAULT 0; FOR r AS SELECT id FROM range(4) DO SET s = s + r.id; END FOR; SELECT s;",
    "FOR and its columns": "FOR r AS SELECT id FROM range(3) DO SELECT r.id, id + 1 AS b; END FOR;",
    "FOR without a variable": "FOR SELECT id FROM range(3) DO SELECT id; END FOR;",
    "FOR in FOR of one name": "FOR x AS SELECT 1 AS i DO FOR x AS SELECT 2 AS i DO SELECT x.i; END FOR; END FOR;",
    "LEAVE of a block": "l: BEGIN SELECT 1 AS a; LEAVE l; SELECT 2 AS b; END;",
    "LEAVE of no label": "LEAVE a;",
    "ITERATE of a block": "a: BEGIN ITERATE a; END;",
    "other labels": "l: BEGIN SELECT 1; END m;",
    "a label at the end only": "BEGIN SELECT 1; END m;",
    "a label twice": "a: BEGIN a: BEGIN SELECT 2; END; END;",
    "a handler": f"{E} SQLEXCEPTION BEGIN SELECT 'h' AS m; END; SELECT 1/0; SELECT 3;",
    "a handler of a condition": f"{E} DIVIDE_BY_ZERO SELECT 'd' AS m; SELECT 1/0;",
    "a handler of a SQLSTATE": f"{E} SQLSTATE '22012' SELECT 'd' AS m; SELECT 1/0;",
    "the most specific handler": f"{E} SQLEXCEPTION SELECT 'e' AS m; {E} DIVIDE_BY_ZERO SELECT 'd' AS m; SELECT 1/0;",
    "a handler that fails": f"{E} SQLEXCEPTION SELECT 'e' AS m; BEGIN {E} DIVIDE_BY_ZERO SELECT 1/0; SELECT 1/0; END;",
    "a handler of an inner block": f"BEGIN {E} SQLEXCEPTION BEGIN END; SELECT 1/0; END; SELECT 3 AS a;",
    "a handler of something else": f"{E} NOT FOUND SELECT 'n' AS m; SELECT * FROM nosuch;",
    "two handlers of a condition": f"{E} DIVIDE_BY_ZERO SELECT 1; {E} DIVIDE_BY_ZERO SELECT 2; SELECT 1;",
    "a handler after a statement": f"SELECT 1; {E} SQLEXCEPTION SELECT 2;",
    "no SQLSTATE": f"{E} SQLSTATE '2201' SELECT 1; SELECT 1;",
    "a condition twice": "DECLARE c CONDITION FOR SQLSTATE '45000'; DECLARE c CONDITION; SELECT 1;",
    "a string": "DECLARE x INT DEFAULT 1; EXECUTE IMMEDIATE 'SELECT x';",
    "a table": "CREATE TABLE t (i INT); INSERT INTO t VALUES (1), (2); SELECT sum(i) AS s FROM t;",
    "a change by variables": "DECLARE n INT = 3; CREATE TABLE m (i INT, s STRING); INSERT INTO m VALUES (n, 'a'); "
    "UPDATE m SET s = concat(s, n) WHERE i = n; MERGE INTO m USING (SELECT n AS k) q ON m.i = q.k "
    "WHEN MATCHED THEN UPDATE SET s = concat(s, 'm'); SELECT * FROM m;",
    "assignments at once": "DECLARE a INT = 1; DECLARE b INT = 2; SET a = b, b = a; SELECT a, b;",
    "a name in a variable": "DECLARE n STRING = 't'; CREATE TABLE t (i INT); SELECT count(*) AS c FROM IDENTIFIER(n);",
    "an error of a statement": "SELECT raise_error('boo');",
    "no statement": "SELECT 1; SELEC 2;",
}.items():
    scripts.sql(_name, f"BEGIN {_body} END")
scripts.sql("a semicolon is missing", "BEGIN SELECT 1 END")
scripts.sql("something after it", "BEGIN SELECT 1; END; SELECT 2")
scripts.sql("a label of the whole", "l: BEGIN SELECT 1; END l")
scripts.sql("a session's variable", "DECLARE OR REPLACE VARIABLE v INT", "BEGIN SET v = 3; END", "SELECT v")


@scripts.run
def what_came_before_an_error_stays(spark: Any, at: At) -> Any:
    spark.sql("BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION SELECT 1; CREATE TABLE k (i INT); SELECT 1/0; END")
    return rows(spark.sql("SELECT count(*) FROM k"))


PAGES = "https://docs.databricks.com/aws/en/sql/language-manual/control-flow"
CONTINUED = "BEGIN DECLARE n INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET n = n + 1; "
scripts.vendor(
    "a handler that goes on",
    CONTINUED + "SELECT 1/0; IF 1/0 > 1 THEN SELECT 1; END IF; SELECT n AS n; END",
    expected=[(2,)],
    source=f"{PAGES}/compound-stmt",
)
scripts.vendor(
    "a signal and its diagnostics",
    "BEGIN DECLARE c CONDITION FOR SQLSTATE '45678'; DECLARE EXIT HANDLER FOR c BEGIN DECLARE m, s, n STRING; "
    "GET DIAGNOSTICS CONDITION 1 m = MESSAGE_TEXT, s = RETURNED_SQLSTATE, n = CONDITION_IDENTIFIER; "
    "SELECT m, s, n; END; SIGNAL c SET MESSAGE_TEXT = 'boo'; END",
    expected=[("boo", "45678", "C")],
    source=f"{PAGES}/get-diagnostics-stmt",
)
scripts.vendor(
    "a string with values",
    "BEGIN DECLARE x INT DEFAULT 1; EXECUTE IMMEDIATE 'SELECT ? + 1' INTO x USING x; SELECT x AS x; END",
    expected=[(2,)],
    source=f"{PAGES}/compound-stmt",
)
