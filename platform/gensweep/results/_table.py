"""The final table for a terminal or a job log."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gensweep.objective import Objective, searched
from gensweep.printable import printable
from gensweep.report import (
    INTERVAL,
    configurations_table,
    floor_rows,
    interval_cells,
    output_width,
    rates,
    stable_regions,
    state_label,
    strata,
    text_table,
)
from gensweep.results._records import typical_failures
from gensweep.trial import TrialState, TrialView

TABLE_ROWS = 10
NOT_SHOWN = "\nnot shown: "


def results_table(
    trials: Sequence[TrialView],
    group_by: str | None,
    objective: Objective,
    rows: int | None = TABLE_ROWS,
    map_axis: str = "",
    floor: Mapping[str, float] = MappingProxyType({}),
    more: str = "",
) -> str:
    """Show the best trials, or typical failures if none was completed, and the success rates.

    At most `rows` trials are shown, None: all that can be ranked, below the `floor`, which is what
    real examples score. Rates are over trials that have ended, for each value of the hyperparameter
    `group_by`; so are the regions along `map_axis`. `more` says what shows trials that are left
    out.
    """
    ended = [trial for trial in trials if TrialState(trial["state"]).ended]
    if not ended:
        return f"no trial has ended{_not_shown(trials, [])}"
    shown = _ranking_table(trials, objective, rows, floor) or _failure_table(trials, objective)
    shown += f"\n({more})" if more and NOT_SHOWN in shown else ""
    tried = searched(ended)
    found = stable_regions(strata(tried, group_by), map_axis, group_by)
    regions = f"\n\n{text_table(found.head, found.rows, output_width())}" if found else ""
    return f"{shown}\n\n{text_table(*rates(tried, group_by), output_width())}{regions}"


def _ranking_table(
    trials: Sequence[TrialView],
    objective: Objective,
    most: int | None,
    floor: Mapping[str, float],
) -> str:
    """Show the `most` best trials, or configurations of seeds; empty if none was completed."""
    if found := configurations_table(trials, objective, most, floor):
        left = [t for t in trials if t["state"] != TrialState.COMPLETED]
        return text_table(found.head, found.rows, output_width()) + _not_shown(left, [])
    head, rows = ranking(trials, objective, most, floor)
    if not rows:
        return ""
    return text_table(head, rows, output_width()) + _not_shown(
        trials, objective.ranked(trials)[:most]
    )


def ranking(
    trials: Sequence[TrialView],
    objective: Objective,
    most: int | None,
    floor: Mapping[str, float],
) -> tuple[list[str], list[list[object]]]:
    """Head and rows of the `floor` and the `most` best trials, None: of all that can be ranked.

    No rows, if no trial can.
    """
    best = objective.ranked(trials)[:most]
    names = sorted({name for trial in best for name in trial["params"]})
    sure = [[cell] for cell in interval_cells(best, objective.metric)] or [[] for _ in best]
    rows = [[t["number"], float(t["metrics"][objective.metric]), *cell, t["outcome"],
             *(t["params"].get(n, "") for n in names)]
            for t, cell in zip(best, sure, strict=True)]  # fmt: skip
    told = [INTERVAL] if any(sure) else []
    head = ["trial", objective.metric, *told, "outcome", *names]
    return head, [*floor_rows(head, floor), *rows] if rows else []


def every_trial_table(
    trials: Sequence[TrialView], objective: Objective, floor: Mapping[str, float]
) -> str:
    """Show every trial: the best first, then those that cannot be ranked, by number, and why not.

    Above all is the `floor`, which is what real examples score.
    """
    ranked = objective.ranked(trials)
    numbers = {trial["number"] for trial in ranked}
    every = [*ranked, *(trial for trial in trials if trial["number"] not in numbers)]
    names = sorted({name for trial in trials for name in trial["params"]})
    intervals = interval_cells(every, objective.metric)
    sure = [[cell] for cell in intervals] or [[] for _ in every]
    told = [INTERVAL] if intervals else []
    head = ["trial", objective.metric, *told, "outcome", "cause", *names]
    rows = [[t["number"], t["metrics"].get(objective.metric, ""), *cell, state_label(t["outcome"]),
             t["cause"], *(t["params"].get(name, "") for name in names)]
            for t, cell in zip(every, sure, strict=True)]  # fmt: skip
    return text_table(head, [*floor_rows(head, floor), *rows], output_width())


def _failure_table(trials: Sequence[TrialView], objective: Objective) -> str:
    """Show one trial of each kind of failure, with its cause."""
    examples = typical_failures(trials, objective.metric)
    rows = [[t["number"], t["outcome"], t["cause"]] for t in examples]
    shown = text_table(["trial", "outcome", "cause"], rows, output_width())
    return f"no trial was completed\n{shown}{_not_shown(trials, examples)}"


def _not_shown(trials: Sequence[TrialView], shown: Sequence[TrialView]) -> str:
    """Count the outcomes of trials that a table leaves out, in a line; empty if it has all."""
    numbers = {trial["number"] for trial in shown}
    counts = Counter(trial["outcome"] for trial in trials if trial["number"] not in numbers)
    counted = ", ".join(
        f"{count} {state_label(outcome)}" for outcome, count in counts.most_common()
    )
    return f"{NOT_SHOWN}{printable(counted)}" if counted else ""
