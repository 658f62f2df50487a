"""The table of configurations that were trained with several seeds."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gensweep.best_probability import best_probabilities, probability_text
from gensweep.objective import Configuration, Objective, searched
from gensweep.report._outcomes import outcome
from gensweep.report._table import MEAN, Table, floor_rows
from gensweep.trial import TrialView

RULE = (
    "Configurations are ranked by the mean over their seeds; a seed that ended without a value "
    "counts as the worst value of any trial. The trial that stands for a configuration is its seed "
    "in the middle, not the luckiest."
)


def has_repeats(trials: Sequence[TrialView]) -> bool:
    """Tell whether a configuration was trained with several seeds."""
    return len({trial["group"] for trial in trials}) < len(trials)


def configurations_table(
    trials: Sequence[TrialView],
    objective: Objective,
    most: int | None = None,
    floor: Mapping[str, float] = MappingProxyType({}),
) -> Table | None:
    """List the `most` best configurations, None: all; None without repeats or a completed trial.

    Where some were confirmed, these come first, each beside what the search had thought of it.
    Above all is the `floor`: what real examples score.
    """
    ranked = objective.configurations(trials)
    if not ranked or not has_repeats(trials):
        return None
    chances = [probability_text(share) for share in best_probabilities(ranked)]
    chances += [""] * (len(ranked) - len(chances))  # of those that were not confirmed none is told
    names = sorted({name for one in ranked for name in one.trials[0]["params"]})
    found = {one.trials[0]["group"]: objective.sign * one.mean
             for one in objective.configurations(searched(trials))}  # fmt: skip
    is_confirmed = ranked[0].confirmed
    rows = [
        [one.trials[0]["number"], objective.sign * one.mean, *_seeds(one, objective), chance,
         *([found[one.trials[0]["group"]] if one.confirmed else ""] if is_confirmed else []),
         outcome(one.trials[0]), *(one.trials[0]["params"].get(name, "") for name in names)]
        for one, chance in zip(ranked, chances, strict=True)
    ]  # fmt: skip
    head = ["trial", f"{MEAN}{objective.metric}", "range", "seeds", "P(best)",
            *(["in the search"] if is_confirmed else []), "outcome", *names]  # fmt: skip
    return Table(head, [*floor_rows(head, floor), *rows[:most]])


def _seeds(one: Configuration, objective: Objective) -> tuple[str, str]:
    """Tell the values of the completed seeds, and how many were."""
    values = [objective.sign * value for value in one.values[: len(one.trials)]]
    return (
        f"{min(values):.4g} to {max(values):.4g}",
        f"{len(one.trials)} of {len(one.values)}",
    )
