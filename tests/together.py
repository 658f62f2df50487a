"""Gives files that share what they start to one test process, when several share the tests."""

from typing import Any

from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    "tests/driver/test_driver_other_tools.py": "tests/driver/test_driver_end_to_end.py",
}
"""File to the one whose sweep it looks at."""


class SharingFiles(LoadFileScheduling):
    """Hands out whole files, and those of `TOGETHER` as one."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)


def pytest_xdist_make_scheduler(config: Any, log: Any) -> SharingFiles:
    """Distribute by file, whatever `--dist` says."""
    return SharingFiles(config, log)
