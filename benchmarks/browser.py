"""A headless Chromium, driven over a pipe with its DevTools protocol: pictures of pages, and where each word stands.

Only the standard library and Debian's ``chromium`` are needed. See https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Browser", "BrowserError"]

Json = dict[str, object]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
    "--disable-extensions", "--disable-default-apps", "--no-first-run", "--hide-scrollbars", "--mute-audio",
    "--metrics-recording-only", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip


class BrowserError(RuntimeError):
    """The browser is missing, died, or refused a command."""


class Browser:
    """One browser with one page. Use as a context manager.

    Args:
        timeout_s: How long one command may take.
    """

    def __init__(self, *, timeout_s: float = 60.0) -> None:
        self.timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._profile: tempfile.TemporaryDirectory[str] | None = None
        self._write = self._read = -1
        self._buffer = b""
        self._serial = 0
        self._session = ""

    def __enter__(self) -> Self:
        binary = next((path for name in _NAMES if (path := shutil.which(name))), None)
        if binary is None:
            msg = "drawing pages needs Chromium: apt-get install chromium"
            raise BrowserError(msg)
        self._profile = tempfile.TemporaryDirectory(prefix="bench-chromium-", ignore_cleanup_errors=True)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on descriptor 4; a shell puts them there.
        arguments = [binary, *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, "bash", *arguments],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        target = self._command("Target.createTarget", {"url": "about:blank"}, session=False)
        attached = self._command(
            "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}, session=False
        )
        self._session = str(attached["sessionId"])
        self._command("Page.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for descriptor in (self._write, self._read):
            os.close(descriptor)
        if self._profile is not None:
            self._profile.cleanup()

    def show(self, html: str, *, width: int, height: int, scale: float = 1.0, transparent: bool = False) -> None:
        """Lay a page out and wait for its fonts.

        Args:
            html: The document.
            width: CSS pixels.
            height: CSS pixels.
            scale: Device pixels a CSS pixel.
            transparent: Leave the paper out, as a diagram editor's export does.
        """
        metrics: Json = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self._command("Emulation.setDeviceMetricsOverride", metrics)
        paper: Json = {"color": {"r": 0, "g": 0, "b": 0, "a": 0}} if transparent else {}
        self._command("Emulation.setDefaultBackgroundColorOverride", paper)
        tree = self._command("Page.getFrameTree")["frameTree"]
        self._command("Page.setDocumentContent", {"frameId": tree["frame"]["id"], "html": html})  # type: ignore[index]
        self.evaluate("document.fonts.ready.then(() => true)")

    def evaluate(self, expression: str) -> object:
        """Run JavaScript in the page and return its value, awaited.

        Raises:
            BrowserError: The script threw.
        """
        answer = self._command(
            "Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True}
        )
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")  # type: ignore[attr-defined]

    def fonts_of(self, selector: str) -> set[str]:
        """Return the families that really drew an element's letters (``CSS.getPlatformFontsForNode``)."""
        self._command("DOM.enable")
        self._command("CSS.enable")
        root = self._command("DOM.getDocument")["root"]
        node = self._command("DOM.querySelector", {"nodeId": root["nodeId"], "selector": selector})  # type: ignore[index]
        fonts = self._command("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})["fonts"]
        return {str(font["familyName"]) for font in fonts}  # type: ignore[attr-defined]

    def picture(self) -> bytes:
        """Return the visible page as PNG."""
        return base64.b64decode(str(self._command("Page.captureScreenshot", {"format": "png"})["data"]))

    def save(self, path: Path) -> None:
        """Write the visible page as PNG."""
        path.write_bytes(self.picture())

    def _command(self, method: str, parameters: Json | None = None, *, session: bool = True) -> Json:
        self._serial += 1
        message: Json = {"id": self._serial, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = self._session
        data = memoryview(json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._message()
            if answer.get("id") == self._serial:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return answer["result"]  # type: ignore[return-value]

    def _message(self) -> Json:
        deadline = time.monotonic() + self.timeout_s
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            block = os.read(self._read, 1 << 20) if ready else b""
            if not block:
                msg = f"Chromium gave no answer within {self.timeout_s:.0f} s, or ended"
                raise BrowserError(msg)
            self._buffer += block
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)  # type: ignore[no-any-return]
