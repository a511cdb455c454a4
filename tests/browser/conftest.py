# SPDX-License-Identifier: GPL-2.0-or-later
"""The browser, and pages in it."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.needs import missing
from vmemcheck.gate.result import GateResult
from vmemcheck.reports.gate_html import gate_html

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the browser of the machine."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing(f"none of {', '.join(NAMES)} is in PATH: apt install chromium", required_by="VMEMCHECK_REQUIRE_BROWSER")
    with sync_playwright() as playwright:
        # The user of a container is often root, who has no sandbox; the page is ours and loads nothing.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page, and all that it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def position(self) -> str:
        """Return which step the page says it shows."""
        return self.page.locator("#position").inner_text()

    def operation(self) -> str:
        """Return the operation that is shown; exactly one is."""
        shown = self.page.locator(".step:visible h3 code")
        assert shown.count() == 1
        return shown.inner_text()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Return what opens the page of a judgement."""
    contexts = []

    def open_page(result: GateResult, fragment: str = "", *, scripts: bool = True) -> Opened:
        path = tmp_path / "gate.html"
        path.write_text(gate_html(result, {}, False), encoding="utf-8")
        context = browser.new_context(java_script_enabled=scripts)
        contexts.append(context)
        shown = Opened(context.new_page())
        shown.page.on("request", lambda request: shown.requests.append(request.url))
        shown.page.on("console", lambda message: shown.complaints.append(message.text))
        shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        shown.page.on("dialog", lambda dialog: shown.complaints.append(dialog.message))
        shown.page.goto(f"{path.as_uri()}{fragment}")
        return shown

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a web server of this machine, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the library's
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", asked
        running.shutdown()
        thread.join()
