"""A headless Chromium for tests of pages, by chromedriver's own protocol: no package is needed."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

CONTRASTS = """
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const color = parse(getComputedStyle(element).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest("script, style")) continue;
  const [a, b] = [parse(getComputedStyle(element).color), behind(element)].map(light);
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.trim()]);
}
return found;
"""
"""A script that returns the contrast of every text with what is behind it."""

BROKEN = """
const lines = (text) => {
  const range = document.createRange();
  range.selectNodeContents(text);
  return new Set([...range.getClientRects()].map((one) => one.top)).size;
};
const names = document.querySelectorAll(".numbers th, .numbers th span");
const nodes = [...names].flatMap((name) => [...name.childNodes]);
const texts = nodes.filter((node) => node.nodeType === Node.TEXT_NODE);
return texts.filter((text) => lines(text) > 1).map((text) => text.data);
"""
"""A script that returns parts of names in tables of losses that are broken between two letters."""


class Browser:
    """A window, at the other end of chromedriver."""

    def __init__(self, port: int) -> None:
        self._at = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        folder = tempfile.mkdtemp(prefix="chromium-")
        options = {"args": [*ARGUMENTS, f"--user-data-dir={folder}"]}
        if binary := shutil.which("chromium"):
            options["binary"] = binary  # type: ignore[assignment]
        always = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": always}})
        self._at += f"/session/{session['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._at}{path}", data, method=method)
        with self._opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show(self, url: str, width: int, scheme: str = "light", height: int = 900) -> None:
        """Open a page at this width."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])
        self.console()
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str) -> Any:
        """Run a script in the page; return what it returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def element(self, selector: str) -> str:
        """Find an element."""
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(next(iter(found.values())))

    def keys(self, selector: str, text: str) -> None:
        """Type into an element, as a keyboard does."""
        self._ask("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def click(self, selector: str, across: float = 0.5, kind: str = "mouse") -> None:
        """Press an element with a mouse or a finger, at a share of its width."""
        script = f"const e = document.querySelector({selector!r});"
        script += "e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
        script += f"return [r.left + r.width * {across}, r.top + Math.min(r.height / 2, 300)];"
        x, y = map(round, self.run(script))
        pointer = {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}}
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        steps = [{"type": "pointerMove", "x": x, "y": y}, down, up]
        self._ask("POST", "/actions", {"actions": [{**pointer, "actions": steps}]})

    def console(self) -> list[str]:
        """Return what the console has said since it was last asked."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        """End it."""
        self._ask("DELETE", "")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser; skip the test where there is none."""
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("there is no chromedriver, and so no browser to look at the page with")
    process = subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        said = next(line for line in process.stdout if "successfully on port" in line)
        window = Browser(int(said.split()[-1].rstrip(".")))
        try:
            yield window
        finally:
            window.close()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
