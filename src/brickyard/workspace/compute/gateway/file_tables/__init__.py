"""Tables whose rows are files of another format than Delta: CSV, JSON, Parquet, Avro, text."""
