"""Tables whose rows are files of another format than Delta: CSV, JSON, Parquet, Avro, text."""

from brickyard.workspace.compute.gateway.file_tables.definition import OPTION, FileTable, columns_of

__all__ = ["OPTION", "FileTable", "columns_of"]
