"""Figures, tables and the HTML report of a sweep."""

from gensweep.report._words import in_words
from gensweep.report.grid import grid_png
from gensweep.report.html import build_report
from gensweep.report.stats import best_of_k, clustered_wilson, log_bins, wilson
from gensweep.report.table import text_table
from gensweep.report.trials import Goal, number, rates

__all__ = [
    "Goal", "best_of_k", "build_report", "clustered_wilson", "grid_png", "in_words", "log_bins",
    "number", "rates", "text_table", "wilson",
]  # fmt: skip
