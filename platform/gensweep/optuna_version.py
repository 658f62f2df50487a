"""Refuses a version of Optuna without the private names that sweeps rely on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import optuna

from gensweep.errors import UserError

REQUIRED: Final = "optuna>=5.0,<6"


@contextmanager
def refuse_other_optuna() -> Iterator[None]:
    """Turn what a private name that is missing, or has changed, raises into a `UserError`.

    >>> with refuse_other_optuna():
    ...     raise AttributeError("no attribute '_rng'")
    Traceback (most recent call last):
    gensweep.errors.UserError: optuna 5.0.0 is not as this version of gensweep knows it (no \
attribute '_rng'): pip install 'optuna>=5.0,<6'.
    """
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        raise UserError(
            f"optuna {optuna.__version__} is not as this version of gensweep knows it ({error}): "
            f"pip install '{REQUIRED}'."
        ) from error
