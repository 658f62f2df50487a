"""Pages of a real Chromium, the system's own, which Playwright drives."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, sync_playwright

SCREENS = {"phone": 390, "desktop": 1280}
"""Pixels across."""
PICTURES = Path(__file__).parents[1] / "build" / "screenshots"
"""Where a run of the tests leaves them to be looked at."""
MINUTE = 60_000
"""In milliseconds: how long elements are waited for, on a machine that does much else."""


@contextmanager
def open_page() -> Iterator[Page]:
    """Open an empty page of a headless browser, and close both in the end."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    assert binary is not None, "no chromium on PATH: `make browser` installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary)
        page = chromium.new_page(viewport={"width": 1600, "height": 1200})
        page.set_default_timeout(MINUTE)
        yield page
        chromium.close()


def errors_of(page: Page) -> list[str]:
    """Return a list to which the page's exceptions and its console's errors are added."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} {message.location.get('url', '')}")

    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", note)
    return errors


def requests_of(page: Page) -> list[str]:
    """Return a list to which the addresses that the page asks for are added."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    return addresses


def photograph(page: Page, file: Path, name: str) -> None:
    """Open a file that stands alone, as on a phone and at a desk, and keep pictures of it.

    It is no wider than the screen, loads nothing else, and its console has no error.
    """
    errors, requests = errors_of(page), requests_of(page)
    for screen, width in SCREENS.items():
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(file.as_uri())
        page.screenshot(path=PICTURES / f"{name}-{screen}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, screen)
    outside = [url for url in requests if url != file.as_uri() and not url.startswith("data:")]
    assert (outside, errors) == ([], [])
