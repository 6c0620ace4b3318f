# SPDX-License-Identifier: GPL-2.0-or-later
"""A page in headless Chromium, driven by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)
over the browser's own pipe, so that nothing is needed but the browser.

    with Browser() as browser:
        page = browser.open(path, width=1280, height=800, dark=True)
        page.evaluate("document.title")
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TIME_LIMIT = 60.0


class BrowserError(Exception):
    """The browser did not do what it was told to."""


class Browser:
    def __enter__(self) -> Browser:
        if not PROGRAM:
            raise BrowserError("Chromium is not installed")
        self._profile = tempfile.TemporaryDirectory(prefix="lockcheck-browser-", ignore_cleanup_errors=True)
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        def take_pipe() -> None:
            # The browser reads what it is told from descriptor 3 and answers on 4; either may be the other's now.
            reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD, 5) for end in (to_browser, from_browser))
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        # Without a sandbox, since tests run as root in containers.
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        self._process = subprocess.Popen(
            [PROGRAM, *options, "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}"],
            preexec_fn=take_pipe,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._last = 0
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(10)
        except (BrowserError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def read(self, deadline: float) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(deadline - time.monotonic(), 0))
            block = os.read(self._in, 1 << 20) if ready else b""
            if not block:
                raise BrowserError("the browser has ended" if ready else "the browser does not answer")
            self._buffer += block
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method: str, session: str = "", seen: list[dict[str, Any]] | None = None, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol; events that come meanwhile are appended to seen."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            os.write(self._out, json.dumps(message).encode() + b"\0")
        except BrokenPipeError as error:
            raise BrowserError("the browser has ended") from error
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            answer = self.read(deadline)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            if seen is not None:
                seen.append(answer)

    def open(self, path: pathlib.Path, *, width: int = 1280, height: int = 900, dark: bool = False, scale: float = 1) -> Page:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, path, width, height, dark, scale)


class Page:
    def __init__(
        self, browser: Browser, session: str, path: pathlib.Path, width: int, height: int, dark: bool, scale: float
    ) -> None:
        self._browser = browser
        self._session = session
        self._seen: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": scale}
        self.call("Emulation.setDeviceMetricsOverride", mobile=phone, **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + TIME_LIMIT
        while not any(event.get("method") == "Page.loadEventFired" for event in self._seen):
            self._seen.append(browser.read(deadline))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, self._seen, **params)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, after the page has drawn what is pending."""
        awaited = f"new Promise((go) => requestAnimationFrame(() => setTimeout(go))).then(() => ({expression}))"
        answer = self.call("Runtime.evaluate", expression=awaited, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Press the mouse's button on the middle of an element."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{find}.scrollIntoView({{block: 'center'}})")
        box = self.evaluate(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({find}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, key: str) -> None:
        text = key if len(key) == 1 else "\r" if key == "Enter" else ""
        code = {"Enter": 13, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}.get(key, 0)
        down = {"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and everything that was asked of the network."""
        self.evaluate("0")
        found = []
        for event in self._seen:
            method, params = event.get("method", ""), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(" ".join(str(item.get("value")) for item in params["args"]))
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("file:"):
                found.append(f"request for {params['request']['url']}")
        return found
