"""Chromium against a live server: the system's browser, driven by Playwright.

Where one of the two is missing the tests are skipped with the reason, unless
`REQUIRE_BROWSER` is set. `CHROMIUM` names another executable.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from plunk.projects.models import Project, User
from plunk.simulator import feedback
from plunk.simulator.faults import faults
from transactional import lines, ses
from transactional.models import SendingAccount

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

#: What a page waits for, in milliseconds; a machine that is busy gets all of it.
PATIENCE_MS = 30_000
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave browsers out of the second run: pages are the same on both databases."""
    if not django_settings.REDIS_URL:
        return
    mark = pytest.mark.skip(reason="covered by the embedded run")
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(mark)


def _missing() -> str:
    """Say what a browser test lacks here; empty if nothing."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "Playwright is not installed (make browser)"
    return (
        "" if _chromium() else "there is no Chromium (on Debian: apt install chromium)"
    )


def _chromium() -> str:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or ""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests that follow each other."""
    if why := _missing():
        if os.environ.get("REQUIRE_BROWSER", "") not in ("", "0"):
            pytest.fail(f"REQUIRE_BROWSER is set, but {why}")
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    # Root has no user namespace to lock the renderer into.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, and Django takes that for a mistake.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        launched = playwright.chromium.launch(
            executable_path=_chromium(), args=arguments
        )
        yield launched
        launched.close()
        # Opened while the loop ran, and out of reach as soon as it has stopped.
        connections.close_all()


@dataclass
class Visitor:
    """A window of the browser, and what went wrong in it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def visit(self, path: str) -> Page:
        """Open a page of the installation, by its path or its whole address."""
        self.page.goto(path if path.startswith("http") else f"{self.url}{path}")
        return self.page

    def listen(self) -> None:
        """Note errors of scripts, blocked resources and answers that are errors."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("response", self._see)

    def _hear(self, message: Any) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _see(self, response: Any) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.url} answered {response.status}")


@pytest.fixture
def installation(
    live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The live server as the installation's own address, with the simulator in it."""
    settings.APP_URI = live_server.url
    settings.API_URI = f"{live_server.url}/api"
    settings.AWS_ENDPOINT_URL = f"{live_server.url}/simulator"
    settings.SES_FOLLOWS_QUOTA = False
    ses._target.cache_clear()
    # A kept one would keep a thread of the live server waiting after the test.
    monkeypatch.setattr(lines, "KEPT_SECONDS", 0.0)
    faults.reset()
    faults.set({"feedback": False})
    SendingAccount.objects.create(pk=1, max_rate=2000.0, rate=2000.0, tokens=500.0)
    yield live_server.url
    feedback.stop()
    faults.reset()
    ses._target.cache_clear()


@pytest.fixture
def open_window(
    browser: Browser, installation: str
) -> Iterator[Callable[..., Visitor]]:
    """Open a window, and at the end expect that nothing went wrong in any."""
    opened: list[tuple[BrowserContext, Visitor]] = []

    def _open(viewport: ViewportSize = WIDE, **options: Any) -> Visitor:
        context = browser.new_context(viewport=viewport, **options)
        context.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(context.new_page(), installation)
        visitor.listen()
        opened.append((context, visitor))
        return visitor

    yield _open
    for context, _ in opened:
        context.close()
    assert [it for _, visitor in opened for it in visitor.complaints] == []


@pytest.fixture
def log_in(installation: str) -> Callable[[Visitor, User], Visitor]:
    """Give a window the session of somebody who has logged in."""

    def _log_in(visitor: Visitor, user: User) -> Visitor:
        client = Client()
        client.force_login(user)
        name = django_settings.SESSION_COOKIE_NAME
        value = client.cookies[name].value
        visitor.page.context.add_cookies(
            [{"name": name, "value": value, "url": installation}]
        )
        return visitor

    return _log_in


@pytest.fixture
def member(
    open_window: Callable[..., Visitor],
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
) -> Visitor:
    """Alice's window, logged in."""
    return log_in(open_window(), alice)


@pytest.fixture
def person(open_window: Callable[..., Visitor]) -> Visitor:
    """The window of somebody who gets mail, on a phone."""
    return open_window(NARROW)


@pytest.fixture
def base(project: Project) -> str:
    """Where the project's pages begin."""
    return f"/projects/{project.pk}"


def width_of(page: Page) -> int:
    """Return how wide a page is; wider than its window, it has to be pushed about."""
    return int(page.evaluate("document.documentElement.scrollWidth"))
