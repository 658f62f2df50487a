"""Figures, tables and the HTML report of a sweep."""

from gensweep.report._words import in_words
from gensweep.report.html import build_report
from gensweep.report.stats import best_of_k, clustered_wilson, log_bins, wilson
from gensweep.report.table import text_table
from gensweep.report.trials import rates

__all__ = [
    "best_of_k",
    "build_report",
    "clustered_wilson",
    "in_words",
    "log_bins",
    "rates",
    "text_table",
    "wilson",
]
