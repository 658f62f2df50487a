"""Sets the best trial's likelihood beside what papers tell, each with how it was made."""

from collections.abc import Mapping
from typing import Any

from gensweep.known_metrics import metric_label
from gensweep.objective import finite_number
from gensweep.report._facts import SweepFacts
from gensweep.report._table import Table
from gensweep.report._text_table import format_value
from gensweep.trial import TrialView

HEAD = ("metric", "ours", "our images", "how ours was measured", "the paper's", "its budget",
        "how it was measured", "comparable", "source", "evidence")  # fmt: skip


def beside_papers(facts: SweepFacts, best: TrialView | None) -> Table | None:
    """Put a row for each published figure whose metric the best trial has.

    Ours is of the examples that ranked no trial where it was measured there, else of those that
    ranked it. None where there is nothing to compare.
    """
    if best is None:
        return None
    metrics, stated = _measured(facts, best)
    rows = [
        [metric_label(figure["metric"]), _ours(figure["metric"], metrics), f"{best['images']:,}",
         _how(stated), format_value(figure["value"]), figure["budget"] or "not told",
         f"{figure['of']}; {figure['protocol']}", _comparable(stated, figure), figure["source"],
         figure["evidence"]]
        for figure in facts.published if finite_number(metrics.get(figure["metric"])) is not None
    ]  # fmt: skip
    return Table(HEAD, rows) if rows else None


def _measured(facts: SweepFacts, best: TrialView) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the best trial's metrics and the protocol of its likelihood."""
    if facts.test.get("trial") == best["number"]:
        return facts.test["metrics"], facts.test["protocol"]
    return best["metrics"], facts.protocol.get("nll", {})


def _ours(metric: str, metrics: Mapping[str, Any]) -> str:
    """Write our value, with its standard error where there is one."""
    error = finite_number(metrics.get(f"{metric}_standard_error"))
    more = "" if error is None else f" ± {error:.2g}"
    return format_value(metrics[metric]) + more


def _how(stated: Mapping[str, Any]) -> str:
    """Tell a likelihood's protocol in words, as far as it is stated."""
    parts = [str(stated.get("of", "")), str(stated.get("kind", ""))]
    if "examples" in stated:
        of = f"{stated['drawn_from']:,} {stated['split']} examples"
        parts.append(f"{stated['examples']:,} of {of}")
    if "importance_samples" in stated:
        parts.append(f"{stated['importance_samples']:,} importance samples")
    return "; ".join(filter(None, parts))


def _comparable(stated: Mapping[str, Any], figure: Mapping[str, Any]) -> str:
    """Say whether both are of the same data; ours may tell an estimate after a semicolon."""
    same = str(stated.get("of", "")).partition(";")[0] == figure["of"]
    return "yes" if same else "no"
