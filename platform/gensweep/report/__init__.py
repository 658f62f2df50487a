"""Figures, tables and the HTML report of a sweep.

Runs in: the script's process.
"""

from gensweep.report._facts import SweepFacts
from gensweep.report._outcomes import rates
from gensweep.report._page import build_report
from gensweep.report._stats import best_of_k, clustered_wilson, log_bins, wilson
from gensweep.report._text_table import format_value, output_width, text_table
from gensweep.report._words import answer, state_label

__all__ = [
    "SweepFacts",
    "answer",
    "best_of_k",
    "build_report",
    "clustered_wilson",
    "format_value",
    "log_bins",
    "rates",
    "state_label",
    "output_width",
    "text_table",
    "wilson",
]
