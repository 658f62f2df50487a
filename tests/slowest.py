"""Hooks that order the test files by how long they take, and tell at the end which did and why.

A file says both itself: `pytest.mark.slow("boots three hosts", minutes=5)`.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SHOWN = 20
REASON = "why it is slow"
"""The property of a report in which a test's reason reaches the process that prints."""


@dataclass
class FileTime:
    """What the tests of one file took, with their fixtures."""

    seconds: float = 0.0
    tests: set[str] = field(default_factory=set)
    reasons: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Reason to the seconds of the tests that give it."""

    def add(self, report: pytest.TestReport) -> None:
        self.seconds += report.duration
        self.tests.add(report.nodeid)
        for name, reason in report.user_properties:
            if name == REASON:
                self.reasons[str(reason)] += report.duration

    def why(self) -> str:
        """The reasons, that of the slowest tests first."""
        return "; ".join(sorted(self.reasons, key=self.reasons.__getitem__, reverse=True))


FILES: dict[str, FileTime] = defaultdict(FileTime)
LONGEST: dict[Path, float] = defaultdict(float)
"""The minutes of each file's longest test, as its marks say."""
ON_THE_STACK: set[Path] = set()
"""The files some of whose tests use the test process's own stack."""
PROCESSES: dict[str, float] = defaultdict(float)
"""Seconds that each test process was busy."""


def reason_of(item: pytest.Item) -> str:
    """What the nearest `slow` mark gives as its reason; empty for a test without that mark."""
    mark = item.get_closest_marker("slow")
    if mark is None:
        return ""
    return str(mark.args[0]) if mark.args else "gives no reason"


def minutes_of(item: pytest.Item) -> float:
    """The minutes that a file takes, as its marks say; three if it is slow and starts a stack."""
    told = [mark.kwargs.get("minutes") for mark in item.iter_markers("slow")]
    started = item.get_closest_marker("stack") is not None
    unknown = (3.0 if started else 0.0) if None in told else (0.5 if started else 0.0)
    return max([unknown, *(float(minutes) for minutes in told if minutes is not None)])


def uses_stack(item: pytest.Item) -> bool:
    """Return whether a test uses the stack, by a fixture or by one that a parameter names."""
    named = set(getattr(item, "fixturenames", ()))
    parameters = getattr(item, "callspec", None)
    if parameters is not None:
        named |= {one for one in parameters.params.values() if isinstance(one, str)}
    return bool(named & {"stack", "embedded_store"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that use the stack first, so that it can end, and of the others the longest.

    Processes that share the files then end together.
    """
    for item in items:
        LONGEST[item.path] = max(LONGEST[item.path], minutes_of(item))
        if uses_stack(item):
            ON_THE_STACK.add(item.path)
        if reason := reason_of(item):
            item.user_properties.append((REASON, reason))
    items.sort(key=lambda item: (item.path not in ON_THE_STACK, -LONGEST[item.path]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a report; under xdist, the process that starts the others hears them all."""
    FILES[report.nodeid.partition("::")[0]].add(report)
    PROCESSES[getattr(report, "worker_id", "main")] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the slowest files, and how long each test process was busy."""
    slowest = sorted(FILES.items(), key=lambda found: -found[1].seconds)
    terminalreporter.section("slowest files")
    for name, took in slowest[:SHOWN]:
        told = f": {took.why()}" if took.why() else ""
        terminalreporter.line(f"{took.seconds:7.1f} s {len(took.tests):4d} tests  {name}{told}")
    busy = (f"{name} {seconds:.0f} s" for name, seconds in sorted(PROCESSES.items()))
    terminalreporter.line(f"busy: {', '.join(busy)}")
