"""A headless chromium, driven through chromedriver's own protocol (W3C WebDriver).

It is JSON over HTTP, so the tests need no package for it, only Debian's ``chromium`` and
``chromium-driver`` or their like elsewhere.
"""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)
WINDOW = (1600, 1200)
"""Pixels; wide enough for MLflow's table and three charts side by side."""

PAUSE_SECONDS = 0.5


def missing_tool() -> str:
    """Return what keeps these tests from running; empty if they can."""
    if not any(map(shutil.which, BROWSERS)):
        return f"no chromium here (none of {', '.join(BROWSERS)} is on the path)"
    if not shutil.which("chromedriver"):
        return "no chromedriver here (Debian has it in chromium-driver)"
    return ""


class Chromium:
    """One window; a context manager that leaves no process and no file behind."""

    def __enter__(self) -> "Chromium":
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._root = f"http://127.0.0.1:{self._port()}/session"
            options = {
                "binary": next(filter(None, map(shutil.which, BROWSERS))),
                "args": [
                    *FLAGS,
                    f"--user-data-dir={self._profile.name}",
                    "--window-size={},{}".format(*WINDOW),
                ],
            }
            wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
            self._root += "/" + self._call("POST", "", wanted)["sessionId"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *problem: object) -> None:
        try:
            self._call("DELETE", "")
        finally:
            self._end()

    def _end(self) -> None:
        self._driver.terminate()
        self._driver.communicate()
        self._profile.cleanup()

    def _port(self) -> int:
        for line in self._driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found[1])
        raise RuntimeError("chromedriver ended before it listened")

    def _call(self, method: str, path: str, body: object = None) -> object:
        request = urllib.request.Request(
            self._root + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, address: str) -> None:
        """Load a page anew, also where only the part behind ``#`` differs."""
        self._call("POST", "/url", {"url": "about:blank"})
        self._call("POST", "/url", {"url": address})

    def run(self, script: str, *values: object) -> object:
        """Run JavaScript in the page and return what it returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(values)})

    def text(self) -> str:
        """Return the text that the page shows."""
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def wait_for(self, *texts: str, seconds: float = 60.0) -> str:
        """Return the page's text once it holds all of ``texts``."""

        def page() -> str:
            shown = self.text()
            return shown if all(text in shown for text in texts) else ""

        return str(self.wait_until(page, f"the page shows {texts}", seconds))

    def wait_until(self, condition, what: str, seconds: float = 60.0) -> object:
        """Return the condition's first true value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"after {seconds:g} s not yet: {what}; the page says:\n{self.text()}")

    def type_into(self, selector: str, text: str) -> None:
        """Type into the first element that the CSS selector finds."""
        using = {"using": "css selector", "value": selector}
        element = next(iter(self._call("POST", "/element", using).values()))
        self._call("POST", f"/element/{element}/value", {"text": text})

    def click(self, text: str, within: str = "body") -> None:
        """Click the last button, link or tab in ``within`` that reads ``text`` in any case."""
        wanted = (
            "const [text, within] = arguments;"
            "return [...document.querySelectorAll(within + ' :is(button, a, [role=tab])')]"
            ".filter(e => e.innerText.trim().toLowerCase() === text.toLowerCase()).pop()"
        )
        found = self.wait_until(lambda: self.run(wanted, text, within), f"a button {text!r}")
        (element,) = found.values()
        self._call("POST", f"/element/{element}/click", {})

    def picture(self, path: Path) -> None:
        """Save what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(str(self._call("GET", "/screenshot"))))
