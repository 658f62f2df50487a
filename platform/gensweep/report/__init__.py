"""Figures, tables and the HTML report of a sweep."""

from gensweep.report.grid import grid_png
from gensweep.report.html import build_report
from gensweep.report.stats import best_of_k, best_of_k_interval, log_bins, wilson
from gensweep.report.table import text_table

__all__ = [
    "best_of_k", "best_of_k_interval", "build_report", "grid_png", "log_bins", "text_table",
    "wilson",
]  # fmt: skip
