"""A sweep that was submitted as a job, for the tests of all that it leaves behind."""

from typing import Any

import pytest

from submitted import OPTIONS, submit


@pytest.fixture(scope="session")
def output(stack: Any) -> str:
    """What the job printed: by a second file, trials of its extension are there, too."""
    return submit(stack, *OPTIONS)
