"""Refuses answers of MLflow that were cut off within their headers.

Such an answer reads as one without a body, and MLflow's client takes that for a record whose every
field is empty: a run of no name, or a search that found nothing, so that a run is made twice.
"""

import functools
from typing import Any


@functools.cache
def refuse_cut_answers() -> None:
    """Let MLflow's client in this process raise `ConnectionError` for an answer without a body.

    A whole answer of its REST API has one, `{}` at least.
    """
    from mlflow.utils import rest_utils

    ask = rest_utils.http_request

    @functools.wraps(ask)
    def whole(*args: Any, **kwargs: Any) -> Any:
        answer = ask(*args, **kwargs)
        if answer.status_code == 200 and not kwargs.get("stream") and not answer.content:
            raise ConnectionError(f"an answer to {kwargs.get('endpoint')} was cut off")
        return answer

    rest_utils.http_request = whole
