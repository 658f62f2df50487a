"""Tells whether a process drives a sweep at the moment."""

from gensweep.study.journal import DrivenAlreadyError, only_writer


def is_driven(name: str, storage: str) -> bool:
    """Return whether some process is the sweep's only writer, by asking to be it for a moment.

    A driver that starts in that moment is told that another runs: do not ask again and again while
    there are other signs of life. `UserError` if the ledger cannot be reached: nothing is known.
    """
    try:
        with only_writer(storage, name):
            return False
    except DrivenAlreadyError:
        return True
