"""SQL scripts: `BEGIN ... END` with variables, control flow and condition handlers, above the way of one statement.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-scripting.
"""

from brickyard.workspace.compute.gateway.scripts.interpreter import run_script

__all__ = ["run_script"]
