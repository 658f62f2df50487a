"""Keeps a study's journal in a file, or in a table of PostgreSQL."""
