"""What Spark code gets, compared with what Databricks documents and with what Apache Spark on the JVM answers."""
