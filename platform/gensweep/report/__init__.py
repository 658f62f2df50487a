"""Figures, tables and the HTML report of a sweep.

Runs in: the script's process.
"""

from gensweep.best_probability import best_probabilities
from gensweep.report._command_text import CommandText, command_text
from gensweep.report._configurations import configurations_table
from gensweep.report._contents import (
    ReportContents,
    ReportQuestion,
    Section,
    report_contents,
)
from gensweep.report._facts import SweepFacts
from gensweep.report._outcomes import rates, strata
from gensweep.report._page import build_report
from gensweep.report._reference_pages import reference_pages
from gensweep.report._stable_regions import stable_regions
from gensweep.report._stats import best_of_k, clustered_wilson, log_bins
from gensweep.report._table import Table, TitledTable, floor_rows
from gensweep.report._tables import INTERVAL, interval_cells
from gensweep.report._text_table import format_value, interval_text, output_width, text_table
from gensweep.report._words import answer, state_label

__all__ = [
    "INTERVAL",
    "interval_cells",
    "interval_text",
    "CommandText",
    "ReportContents",
    "ReportQuestion",
    "Section",
    "SweepFacts",
    "Table",
    "TitledTable",
    "answer",
    "best_of_k",
    "best_probabilities",
    "build_report",
    "clustered_wilson",
    "command_text",
    "configurations_table",
    "floor_rows",
    "format_value",
    "log_bins",
    "rates",
    "reference_pages",
    "report_contents",
    "stable_regions",
    "state_label",
    "strata",
    "output_width",
    "text_table",
]
