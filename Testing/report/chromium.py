"""An HTML report in a real browser: headless Chromium, looked at from a page around it.

The page around it shows the report in a frame of a chosen width and writes what a script there measured of it into its
own text; ``--dump-dom`` gives that back. The report's own policy allows no script, so that nothing can be measured from
within. What Chromium asked the network for stands in its net log.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 120

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--disable-dev-shm-usage", "--no-default-browser-check", "--metrics-recording-only", "--no-pings",
    # The browser's own questions (the time, its variations) are none of the report's: it reaches nobody.
    "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-features=NetworkTimeServiceQuerying,OptimizationHints",
    "--enable-logging=stderr", "--v=0", "--hide-scrollbars", "--allow-file-access-from-files",
)  # fmt: skip

BROWSERS_OWN = re.compile(r"https?://[a-z0-9.-]+\.(google|googleapis|gstatic|gvt1)\.com/")
"""What Chromium asks for by itself, whatever page is open; a test of the report's markup sees that it names nobody."""

MEASURES = (Path(__file__).parent / "measures.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Seen:
    """What a browser showed."""

    measures: dict[str, Any]
    """What ``measures.js`` returned."""
    console: list[str]
    """Errors and warnings on the console."""
    requests: list[str]
    """Addresses beyond the machine's own files."""


def chromium() -> str:
    """The program; the test that asks is skipped where it is not installed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed (Debian package chromium)")
    return found


def look_at(report: Path, work: Path, width: int, dark: bool = False) -> Seen:
    """Open a report in a frame so wide, in the light or the dark scheme, and measure it."""
    work.mkdir(parents=True, exist_ok=True)
    page, log = work / "around.html", work / "net.json"
    frame = f'<iframe id="report" src="{report.as_uri()}" width="{width}" height="900" style="border:0"></iframe>'
    page.write_text(
        f'<!DOCTYPE html><link rel="icon" href="data:,"><body style="margin:0">{frame}<pre id="seen"></pre>'
        f"<script>{MEASURES}</script>",
        encoding="utf-8",
    )
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    command = [chromium(), *OPTIONS, scheme, f"--user-data-dir={work / 'profile'}", f"--window-size={width + 50},1000"]
    command += [f"--log-net-log={log}", "--virtual-time-budget=10000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found and found[1], f"the browser showed nothing: {done.stderr[-2000:]}"
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(json.loads(unescape(found[1])), console, _requests(log))


def _requests(log: Path) -> list[str]:
    """Addresses of web pages and sockets that the net log tells of."""
    text = log.read_text(encoding="utf-8", errors="replace")
    constants, _, events = text.partition('"events":')
    assert "constants" in constants and events
    found = set(re.findall(r'"url":"((?:https?|wss?|ftp)://[^"]*)"', events))
    return sorted(one for one in found if not BROWSERS_OWN.match(one))


def printed(report: Path, work: Path) -> Path:
    """The report as a PDF, as the browser prints it."""
    work.mkdir(parents=True, exist_ok=True)
    place = work / "report.pdf"
    command = [chromium(), *OPTIONS, f"--user-data-dir={work / 'profile'}", "--no-pdf-header-footer"]
    subprocess.run([*command, f"--print-to-pdf={place}", report.as_uri()], capture_output=True, timeout=TIMEOUT_S)
    assert place.is_file()
    return place
