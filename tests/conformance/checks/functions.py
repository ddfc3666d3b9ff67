"""Functions of SQL, each as an expression."""

from __future__ import annotations

from tests.conformance.model import Group

strings = Group("string functions")
strings.values(
    "upper('aß'), lower('ÀB'), initcap('hello wORLD')",
    "substring('Spark SQL', 5), substring('Spark SQL', -3), substr('abc', 2, 1)",
    "concat('a', null), concat_ws('-', 'a', null, 'b')",
    "split('oneAtwoBthree', '[ABC]'), split('a,b,c', ',', 2)",
    "split_part('11.12.13', '.', 3), split_part('11.12.13', '.', -2)",
    "regexp_replace('100-200', '(\\\\d+)', 'num')",
    "regexp_extract('100-200', r'(\\d+)-(\\d+)', 2)",
    "regexp_extract_all('100-200, 300-400', r'(\\d+)-(\\d+)', 1)",
    "'Spark' RLIKE '^S.*k$', regexp_like('a1', '[0-9]'), 'abc' LIKE '_b%', 'ABC' ILIKE 'a%'",
    "lpad('hi', 5, '??'), rpad('hi', 1), lpad('hi', 5)",
    "trim('  a '), ltrim('  a'), rtrim('a  '), trim(BOTH 'x' FROM 'xaxx')",
    "instr('SparkSQL', 'SQL'), locate('bar', 'foobarbar', 5), position('b' IN 'abc')",
    "translate('AaBbCc', 'abc', '123'), reverse('abc'), repeat('ab', 3)",
    "length('aß '), char_length('é'), octet_length('é'), bit_length('a')",
    "levenshtein('kitten', 'sitting'), soundex('Miller')",
    "format_string('%05d %s %.2f', 42, 'x', 1.5D), format_number(12332.123456, 4)",
    "ascii('a'), chr(65), base64(cast('Spark' AS BINARY)), unhex('41')",
    "hex(17), hex('Spark'), conv('100', 2, 10), bin(13)",
    "left('Spark', 3), right('Spark', 2), overlay('SparkSQL' PLACING '_' FROM 6)",
    "startswith('Spark', 'Sp'), endswith('Spark', 'k'), contains('Spark', 'ar')",
    "find_in_set('ab', 'abc,b,ab,c'), elt(2, 'a', 'b'), substring_index('a.b.c', '.', 2)",
    "parse_url('https://spark.apache.org/path?query=1', 'QUERY', 'query')",
    "sentences('Hi there! Good morning.')",
    "mask('AbCD123-@$#')",
    "regexp_count('Steven Jones', 'St(v|ph)en|o'), regexp_substr('a1b2', '[0-9]')",
    "str_to_map('a:1,b:2', ',', ':'), url_encode('a b&c'), url_decode('a+b%26c')",
    "to_number('454', '999'), to_char(454.5, '999D9'), try_to_number('x', '999')",
    "'a' || 'b' || 1, 'a' || null, btrim('  a  '), ucase('a')",
)

numbers = Group("mathematical functions")
numbers.values(
    "round(2.5), round(-2.5D), round(25, -1), round(2.345, 2)",
    "bround(2.5), bround(3.5D), bround(25, -1)",
    "ceil(-0.1), floor(-0.1), ceil(3.1411, 3), floor(5.25, 1)",
    "7 % 3, -7 % 3, pmod(-7, 3), mod(7, -3), 7 div 2, -7 div 2",
    "1 / 2",
    "3 / 2.0, 1.0 / 3",
    "5 * 1.10",
    "abs(-1), sign(-2.5), negative(1), positive(2), signum(0)",
    "pow(2, 10), sqrt(2), cbrt(27), exp(1), ln(10), log(10, 100), log2(8), log10(1000), log1p(0), expm1(0)",
    "sin(1), cos(1), tan(1), atan2(1, 2), degrees(pi()), radians(180), sinh(1), hypot(3, 4)",
    "factorial(5), width_bucket(5.3, 0.2, 10.6, 5), e()",
    "shiftleft(2, 1), shiftright(4, 1), 3 & 5, 3 | 5, 3 ^ 5, ~0, bit_count(7)",
    "greatest(1, null, 3), least('b', 'a'), nanvl(double('NaN'), 1), isnan(double('NaN'))",
    "try_divide(1, 0), try_add(2147483647, 1), try_subtract(-2147483648, 1), try_multiply(2147483647, 2)",
    "double('Infinity'), double('NaN') = double('NaN'), double('-0.0') = 0.0D",
    "rint(2.5)",
    "1e3, 1.5BD, 10L, 3S, 2Y, 1.5F",
    "cast(1.1 AS DECIMAL(10, 2)) + cast(2.22 AS DECIMAL(5, 3))",
    "cast(1 AS DECIMAL(38, 10)) / 3",
    "hash('Spark', 1), xxhash64('Spark', 1)",
    "md5('Spark'), sha1('Spark'), sha2('Spark', 256), crc32('Spark')",
    "if(1 < 2, 'a', 'b'), nvl(null, 1), nvl2(null, 1, 2), nullif(1, 1), coalesce(null, 2)",
    "CASE WHEN false THEN 1 ELSE 2 END, CASE 3 WHEN 3 THEN 'x' END",
    "decode(2, 1, 'a', 2, 'b', 'c')",
    "null <=> null, 1 <=> null, null IS DISTINCT FROM 1, not null, true AND null, false OR null",
    "1 IN (1, null), 2 IN (1, null), 2 NOT IN (1, 3), 2 BETWEEN 1 AND 3",
    "typeof(1), typeof(1.5), typeof(1e0), typeof('a'), typeof(array(1)), typeof(named_struct('a', 1))",
    "equal_null(null, null), zeroifnull(null), nullifzero(0), ifnull(null, 'x')",
)
