"""Drives a real Chromium through its DevTools protocol, over a pipe: no other program is needed."""

import base64
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

FLAGS = shlex.split(
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--remote-debugging-pipe"
)


SCREENS = {"phone": 390, "desktop": 1280}
"""Pixels across."""
PICTURES = Path(__file__).parents[1] / "build" / "screenshots"
"""Where a run of the tests leaves them to be looked at."""
LOADED = """performance.getEntriesByType('resource').map(e => e.name)
    .filter(name => !name.startsWith('data:'))"""


class Browser:
    """A page of a headless browser, with what went wrong in it."""

    def __init__(self, profile: Path, width: int = 1600, height: int = 1200):
        binary = shutil.which("chromium") or shutil.which("google-chrome")
        assert binary is not None, "no chromium on PATH: `make browser` installs it"
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        argv = [binary, *FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"]
        # Chromium reads descriptor 3 and writes 4: a shell puts the pipes there.
        shell = ["bash", "-c", f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"', "chromium"]
        self._log = open(profile.with_suffix(".log"), "wb")  # noqa: SIM115
        self._process = subprocess.Popen([*shell, *argv], pass_fds=(theirs_in, theirs_out),
                                         stdout=self._log, stderr=self._log)  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._rest, self._session = 0, b"", ""
        self.errors: list[str] = []
        """Exceptions and errors of the console."""
        self._attach(width, height)

    def _attach(self, width: int, height: int) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        found = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what happens meanwhile is noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser ended"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}")

    def open(self, address: str) -> None:
        """Go to an address, and wait until there is a page that scripts can ask."""
        self.send("Page.navigate", url=address)
        self.wait("document.body !== null")

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page; its value."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True,
                          awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    @property
    def text(self) -> str:
        """What a reader sees."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def wait(self, script: str, seconds: float = 60.0) -> Any:
        """Wait until JavaScript gives something true, and return that."""
        return self.wait_for(lambda: self.run(script), script, seconds)

    def wait_for(self, ask: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        end = time.monotonic() + seconds
        while not (found := ask()):
            assert time.monotonic() < end, f"not {what}:\n{self.text[:3000]}"
            time.sleep(0.2)
        return found

    def click(self, script: str) -> None:
        """Click, as a mouse does, the middle of the element that JavaScript gives.

        Once it is enabled and stands still: a page that is laid out anew moves it away.
        """
        place = (
            f"(() => {{ const e = {script}; if (!e || e.disabled) return null; "
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        before, now = None, self.wait(place)
        while now != before:
            time.sleep(0.5)
            before, now = now, self.wait(place)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.send("Input.dispatchMouseEvent", type=kind, x=now[0], y=now[1], **button)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def enter(self) -> None:
        """Press Enter."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                      windowsVirtualKeyCode=13)  # fmt: skip

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write what is seen to a PNG file; the whole page, as far as it goes, if asked."""
        more: dict[str, Any] = {}
        if whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            more = {"clip": {**size, "scale": 1}, "captureBeyondViewport": True}
        data = self.send("Page.captureScreenshot", format="png", **more)["data"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(data))

    def photograph(self, page: Path, name: str) -> None:
        """Open a page that stands alone, as on a phone and on a desk, and keep pictures of it.

        It is no wider than the screen, loads nothing else, and its console has no error.
        """
        for screen, width in SCREENS.items():
            self.resize(width, 900)
            self.open(page.as_uri())
            self.wait("document.readyState === 'complete'")
            self.screenshot(PICTURES / f"{name}-{screen}.png", whole=True)
            assert self.run("document.documentElement.scrollWidth") <= width, (name, screen)
            assert self.run(LOADED) == []
            assert self.errors == []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._out)  # it ends when its pipe does
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        self._log.close()
