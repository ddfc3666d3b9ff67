"""What differs from database to database: a module for each."""
