"""The final table for a terminal or a job log."""

import shutil
import sys
from collections import Counter

from gensweep.objective import Objective
from gensweep.report import rates, state_label, text_table
from gensweep.results._records import Trials, failures
from gensweep.trial import TERMINAL

TABLE_ROWS = 10


def table(
    trials: Trials, by: str | None, objective: Objective, rows: int | None = TABLE_ROWS
) -> str:
    """The best trials, or what went wrong without any, then how often each `by` converged.

    At most `rows` trials, None: all that can be ranked. Rates are over trials that have ended.
    """
    over = [trial for trial in trials if trial["state"] in TERMINAL]
    if not over:
        return f"no trial has ended{_rest(trials, [])}"
    width = shutil.get_terminal_size((200, 24)).columns if sys.stdout.isatty() else 200
    return "\n\n".join(
        [
            _best(trials, objective, width, rows) or _failures(trials, objective, width),
            text_table(*rates(over, by)),
        ]
    )


def _best(trials: Trials, objective: Objective, width: int, most: int | None) -> str:
    best = objective.ranked(trials)[:most]
    names = sorted({name for trial in best for name in trial["params"]})
    rows = [[t["number"], float(t["metrics"][objective.metric]), t["outcome"],
             *(t["params"].get(n, "") for n in names)] for t in best]  # fmt: skip
    if not rows:
        return ""
    shown = text_table(["trial", objective.metric, "outcome", *names], rows, width=width)
    return shown + _rest(trials, best)


def _rest(trials: Trials, best: Trials) -> str:
    """What became of the trials that the table leaves out."""
    shown = {trial["number"] for trial in best}
    counts = Counter(trial["outcome"] for trial in trials if trial["number"] not in shown)
    told = ", ".join(f"{count} {state_label(outcome)}" for outcome, count in counts.most_common())
    return f"\nnot shown: {told}" if told else ""


def _failures(trials: Trials, objective: Objective, width: int) -> str:
    examples = failures(trials, objective.metric)
    rows = [[t["number"], t["outcome"], t["cause"]] for t in examples]
    shown = text_table(["trial", "outcome", "cause"], rows, width=width)
    return f"no trial was completed\n{shown}{_rest(trials, examples)}"
