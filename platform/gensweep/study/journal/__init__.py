"""Keeps a study's journal in a file, or in a table of PostgreSQL."""

from gensweep.study.journal._file import Journal
from gensweep.study.journal._open import journal_path, only_writer, stored_journals
from gensweep.study.journal._sweep_lock import DrivenAlreadyError

__all__ = ["DrivenAlreadyError", "Journal", "journal_path", "only_writer", "stored_journals"]
