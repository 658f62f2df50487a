"""What the report says in sentences: the sweep, its outcomes, and how to read its figures."""

from __future__ import annotations

import html
from typing import Any

STATES = {"queued": "waiting", "leased": "training"}
"""What the ledger calls trials that have not ended, as users say it."""

OUTCOME_RULES = {
    "points": "Converged: at least {converged_modes:.0%} of the modes and "
    "{converged_high_quality:.0%} of the samples within {threshold:g} standard deviations of one. "
    "Collapsed: fewer than {collapsed_modes:.0%} of the modes.",
    "images": "Converged: density at least {converged_density:g} and coverage at least "
    "{converged_coverage:g}{converged_labels}. Collapsed: sample variance below "
    "{collapsed_variance:.0%} of the data's{collapsed_labels}.",
}
CURVE = (
    "Each line is one trained trial, sampled at several truncation thresholds; "
    "right is more variety, down is more fidelity."
)


def in_words(state: str) -> str:
    """A trial's state or outcome, as progress and tables tell it."""
    return STATES.get(state, state)


def facts(sweep: dict[str, Any]) -> str:
    """The lines under the title, of what `sweep` tells; empty ones are left out."""
    held = sweep.get("answer")
    same = ", ".join(f"{name}={value}" for name, value in sweep.get("trained", {}).items())
    lanes = sweep.get("lanes")
    sampling = sweep.get("protocol", {}).get("sampling")
    lines = [
        sweep.get("about", ""),
        f"The same in all trials: {same}." if same else "",
        f"Held out: {held}." if held else "",
        f"Trials were drawn by {sampling}." if sampling else "",
        f"Time of the packs' lanes: {lanes}." if lanes else "",
    ]
    return "".join(f"<p class=note>{html.escape(str(line))}</p>" for line in lines if line)


def rules(protocol: dict[str, Any]) -> str:
    """What converged, collapsed, unconverged and diverged mean in this sweep."""
    rule, bounds = OUTCOME_RULES.get(str(protocol.get("kind"))), protocol.get("bounds", {})
    if rule is None or not bounds:
        return ""
    labels = {"converged_labels": "", "collapsed_labels": ""}
    if "converged_classes" in bounds:
        labels["converged_labels"] = (
            f", and {bounds['converged_classes']:.0%} of the classes found (a class counts with "
            f"{bounds['found_share']:.0%} of its share in the data)"
        )
        labels["collapsed_labels"] = (
            f", or fewer than {bounds['collapsed_classes']:.0%} of the classes"
        )
    says = rule.format(**bounds, **labels, threshold=protocol.get("mode_threshold", 0))
    says += (
        " Unconverged: neither. Diverged: a loss, weight or sample became infinite, not a number "
        f"or huge. Judged {protocol.get('verdict', 'of the samples')}."
    )
    return f"<p class=note>{html.escape(says)}</p>"
