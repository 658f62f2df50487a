"""A run of the small sweep without a tracker, and what a pack tells of its trials."""

from dataclasses import replace
from pathlib import Path

from gensweep.spec import RunContext
from gensweep.trial import LeaseId, TrialEnd, TrialReport, TrialState
from small_sweep import SWEEP

TRIALS = 6


def report_of(lease: LeaseId, times: int) -> TrialReport:
    number, attempt = lease
    return TrialReport(number=number, attempt=attempt, images=1280 * times,
                       metrics={"frechet": number + 1 / times})  # fmt: skip


def end_of(lease: LeaseId) -> TrialEnd:
    return TrialEnd(number=lease[0], attempt=lease[1], state=TrialState.COMPLETED, cause="",
                    images=2560, outcome="converged")  # fmt: skip


def context_of(folder: Path) -> RunContext:
    """A run in a folder of its own, without a tracker: what it is told stays in the spool."""
    return RunContext(
        sweep=replace(SWEEP, trials=TRIALS, hourly_price=1.0), resume=False, prices=None,
        store=f"file://{folder / 'store'}", tracking_uri="http://127.0.0.1:9",
        ledger=str(folder / "studies"), home=str(folder), data_name="digits", data_hash="0" * 64,
        data_id="digits",
    )  # fmt: skip
