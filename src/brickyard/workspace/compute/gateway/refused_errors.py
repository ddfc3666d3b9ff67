"""What Sail says of constructs that it has not, and what to use instead."""

from __future__ import annotations

__all__ = ["REFUSED"]

#: A part of what Sail says of what it has not: what it is, and what to use instead.
REFUSED = {
    "Correlated scalar subquery must be aggregated": (
        "a correlated scalar subquery without an aggregate",
        "Use max(...), or a join.",
    ),
    "null_aware anti join only supports single column": (
        "NOT IN with a correlated subquery",
        "Use NOT EXISTS, with the comparison in its WHERE.",
    ),
    "subquery can only be used in": (
        "a subquery in this place",
        "Compute it in a column of a subquery, or use a join.",
    ),
    "A GROUP BY clause in a scalar correlated subquery": (
        "a correlated scalar subquery with GROUP BY",
        "Use a join with the grouped rows.",
    ),
    "be rewritten during logical plan analysis": (
        "a function that makes several rows or columns in this place",
        "Use LATERAL VIEW, or a subquery.",
    ),
    "join condition should not be empty": ("this join without a condition", "Use ON, or CROSS JOIN."),
    "unqualified field name": ("several columns of one name here", "Give each column a name of its own."),
    "should not appear in an aggregate query": (
        "a random value beside GROUP BY",
        "Compute it in a subquery, and group that.",
    ),
    'No field named "?table?"': (
        "a lambda function with columns of the table that is changed, in this place",
        "Compute it in the source of the MERGE, or in a subquery.",
    ),
    "Aggregate requires at least one grouping": (
        "HAVING without GROUP BY and aggregates",
        "Use WHERE, or GROUP BY.",
    ),
    "require unique expression names": ("two expressions of one name in this query", "Give each an alias."),
    "MERGE assignments must reference columns only": ("a MERGE that sets a field of a struct", "Set the whole struct."),
}
