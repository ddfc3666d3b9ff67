"""The SCIM protocol as the vendor speaks it: schemas, filters, PATCH operations and errors."""
