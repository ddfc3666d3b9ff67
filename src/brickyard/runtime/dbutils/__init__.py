"""`dbutils` as notebooks and programs of a task meet it."""

from brickyard.runtime.dbutils.utilities import DBUtils, dbutils

__all__ = ["DBUtils", "dbutils"]
