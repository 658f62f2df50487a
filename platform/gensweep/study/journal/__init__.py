"""Where a study's journal is kept: a file, or a table of PostgreSQL."""
