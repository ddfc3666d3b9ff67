"""Arrays, maps, structs, JSON, variants and functions of functions."""

from __future__ import annotations

from tests.conformance.model import Group

arrays = Group("arrays, maps and structs")
arrays.values(
    "array(1, 2, null), array('a'), array(), array(1, 2.5)",
    "array_contains(array(1, 2), 2), array_contains(array(1, null), 2), array_contains(array(1, null), 1)",
    "array_distinct(array(1, 2, 1, null, null)), array_remove(array(1, 2, 1), 1), array_compact(array(1, null))",
    "array_union(array(1, 2), array(2, 3)), array_intersect(array(1, 2), array(2, 3))",
    "array_except(array(1, 2), array(2))",
    "array_join(array('a', null, 'b'), ','), array_join(array('a', null), ',', '?')",
    "array_max(array(1, 3, null)), array_min(array(1, 3)), array_position(array(3, 2, 1), 1), array_size(array(1))",
    "array_sort(array(3, null, 1)), sort_array(array(3, null, 1), false), sort_array(array('b', 'a'))",
    "array_repeat('a', 2), array_insert(array(1, 3), 2, 2), array_append(array(1), 2), array_prepend(array(1), 0)",
    "arrays_zip(array(1, 2), array('a', 'b')), arrays_overlap(array(1, 2), array(2, 3))",
    "flatten(array(array(1), array(2, 3))), slice(array(1, 2, 3, 4), 2, 2), reverse(array(1, 2))",
    "sequence(1, 5), sequence(5, 1, -2), shuffle(array(1)), size(array(1, 2)), cardinality(array(1)), size(map(1, 2))",
    "element_at(array(1, 2, 3), -1), array(1, 2)[0], get(array(1), 5), try_element_at(array(1), 5)",
    "map('a', 1, 'b', 2)['a'], map('a', 1)['x'], element_at(map('a', 1), 'a'), try_element_at(map('a', 1), 'x')",
    "map_keys(map('a', 1)), map_values(map('a', 1)), map_entries(map('a', 1)), map_from_arrays(array('a'), array(1))",
    "map_concat(map('a', 1), map('b', 2)), map_from_entries(array(struct('a', 1))), map_contains_key(map('a', 1), 'a')",
    "struct(1, 'a'), named_struct('x', 1, 'y', 'b'), named_struct('x', 1).x, struct(1 AS a, 2 AS b).b",
    "array(named_struct('a', 1), named_struct('a', 2)).a",
    "array(1, 2) = array(1, 2), struct(1, 2) < struct(1, 3), array(1) < array(2)",
    "transform(array(1, 2), x -> x + 1), transform(array(5, 6), (x, i) -> x * i), filter(array(1, 2, 3), x -> x > 1)",
    "exists(array(1, 2), x -> x > 1), forall(array(1, 2), x -> x > 1)",
    "aggregate(array(1, 2, 3), 0, (a, x) -> a + x), aggregate(array(1, 2), 0, (a, x) -> a + x, a -> a * 10)",
    "reduce(array(1), 0, (a, x) -> a + x)",
    "zip_with(array(1, 2), array(3, 4), (x, y) -> x + y)",
    "array_sort(array(1, 3, 2), (a, b) -> b - a)",
    "transform_keys(map(1, 'a'), (k, v) -> k + 1)",
    "transform_values(map(1, 'a'), (k, v) -> v || k)",
    "map_filter(map(1, 2, 3, 1), (k, v) -> k > v)",
    "map_zip_with(map(1, 'a'), map(1, 'b'), (k, x, y) -> x || y)",
)
arrays.sql("explode an array", "SELECT explode(array(1, 2))")
arrays.sql("explode a map", "SELECT explode(map('a', 1, 'b', 2))")
arrays.sql("posexplode", "SELECT posexplode(array('x', 'y'))")
arrays.sql("explode_outer of null", "SELECT explode_outer(cast(null AS ARRAY<INT>))")
arrays.sql("inline", "SELECT inline(array(struct(1, 'a'), struct(2, 'b')))")
arrays.sql("stack", "SELECT stack(2, 1, 'a', 2, 'b')")
arrays.sql("lateral view", "SELECT id, x FROM VALUES (1, array(1, 2)) t(id, a) LATERAL VIEW explode(a) AS x")
arrays.sql("lateral view outer", "SELECT id, x FROM VALUES (1, array()) t(id, a) LATERAL VIEW OUTER explode(a) e AS x")
arrays.sql("a struct's fields", "SELECT s.* FROM (SELECT named_struct('a', 1, 'b', 'x') AS s)")

json = Group("JSON and variant")
json.values(
    "get_json_object('{\"a\": {\"b\": [1, 2]}}', '$.a.b[1]'), get_json_object('{\"a\": 1}', '$.x')",
    "from_json('{\"a\": 1, \"b\": 0.8}', 'a INT, b DOUBLE'), from_json('x', 'a INT')",
    "from_json('[{\"a\": 1}]', 'ARRAY<STRUCT<a: INT>>'), from_json('{\"k\": 1}', 'MAP<STRING, INT>')",
    "to_json(named_struct('a', 1, 'b', 'x')), to_json(array(1, 2)), to_json(map('a', null))",
    "to_json(struct(null AS a))",
    "to_json(struct(timestamp'2024-01-01 00:00:00' AS t))",
    'schema_of_json(\'{"a": [1.5], "b": "x"}\'), json_array_length(\'[1, 2]\'), json_object_keys(\'{"a": 1, "b": 2}\')',
    "from_csv('1, 0.8', 'a INT, b DOUBLE'), to_csv(named_struct('a', 1, 'b', 2)), schema_of_csv('1,abc')",
    "to_json(parse_json('{\"a\": [1, \"x\", null]}')), parse_json('1') IS NULL, to_json(try_parse_json('{x'))",
    "variant_get(parse_json('{\"a\": [1, 2]}'), '$.a[1]', 'int')",
    "try_variant_get(parse_json('{\"a\": \"x\"}'), '$.a', 'int')",
    "schema_of_variant(parse_json('{\"a\": 1}')), is_variant_null(parse_json('null'))",
    "typeof(parse_json('1'))",
    "cast(parse_json('5') AS INT)",
    "cast(parse_json('\"x\"') AS STRING)",
    "to_json(to_variant_object(struct(1 AS a)))",
)
json.sql("json_tuple", "SELECT json_tuple('{\"a\": 1, \"b\": \"x\"}', 'a', 'b')")
json.vendor(
    "a path with a colon",
    'SELECT c:a.b, c:list[0]::int FROM VALUES (\'{"a": {"b": "x"}, "list": [7]}\') t(c)',
    expected=[("x", 7)],
    source="https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-json-path-expression",
)
json.sql("a path into a variant", "SELECT v:a::int FROM (SELECT parse_json('{\"a\": 5}') AS v)")
