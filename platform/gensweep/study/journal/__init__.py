"""Keeps a study's journal in a file, or in a table of PostgreSQL."""

from gensweep.study.journal._file import Journal
from gensweep.study.journal._open import journal_path, only_writer, stored_journals

__all__ = ["Journal", "journal_path", "only_writer", "stored_journals"]
