"""Pictures of every page of campaigns, with real data and with none, to be looked at.

    python -m tests.screenshots.campaigns FOLDER [WORD …]

starts an installation of its own in a folder that goes away again, fills it, and takes
each page on a desk and on a phone, by day and by night, into FOLDER; only those whose
name has one of the WORDs, if any are given. Says which pages are wider than their
window. Needs Playwright and a Chromium (`make browser`).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

WINDOWS: dict[str, ViewportSize] = {
    "desk": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
SCHEMES = ("light", "dark")
#: What there is to see of a campaign before and after its launch.
OF_DRAFTS = (
    *("", "audience/", "details/", "schedule/", "send/", "delete/", "review/"),
    "write/",
)
OF_LAUNCHED = (
    *("", "links/", "recipients/", "recipients/?status=left-out", "history/"),
    *("why/?q=ada.0@gmail.com", "again/"),
)


def addresses(seeded: Any) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each page."""
    for name, project in (("none", seeded.empty), ("list", seeded.project)):
        yield name, f"/projects/{project.pk}/campaigns/"
    yield "new", f"/projects/{seeded.project.pk}/campaigns/new/"
    for name, campaign in seeded.campaigns.items():
        parts = OF_DRAFTS if name in seeded.drafts else OF_LAUNCHED
        steps = {"sending": ("pause/", "cancel/"), "paused": ("resume/",)}
        for part in (*parts, *steps.get(name, ())):
            said = part.partition("/")[0] or "page"
            said += "-left-out" if "left-out" in part else ""
            root = f"/projects/{campaign.project_id}/campaigns/{campaign.pk}/"
            yield f"{name}-{said}", root + part


def main(folder: Path, words: list[str]) -> None:
    from django.core.management import call_command
    from pytest_django.live_server_helper import LiveServer

    from tests.screenshots.seeding import seed

    folder.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    seeded = seed()
    pages = [
        (name, path)
        for name, path in addresses(seeded)
        if not words or any(word in name for word in words)
    ]
    server = LiveServer("localhost")
    try:
        take(server.url, seeded.session, pages, folder)
    finally:
        server.stop()


def take(
    url: str, session: dict[str, str], pages: list[tuple[str, str]], folder: Path
) -> None:
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"]
        )
        for device in WINDOWS:
            for scheme in SCHEMES:
                look = f"{device}-{scheme}"
                context = _context(browser, url, session, look)
                page = context.new_page()
                for name, path in pages:
                    page.goto(url + path, wait_until="load")
                    # What is counted or drawn after the page has come.
                    page.wait_for_timeout(600)
                    width = page.evaluate("document.documentElement.scrollWidth")
                    if width > WINDOWS[device]["width"]:
                        sys.stdout.write(f"{name} is {width} wide on a {device}\n")
                    page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
                context.close()
        browser.close()


def _context(browser: Browser, url: str, session: dict[str, str], look: str) -> Any:
    device, scheme = look.split("-")
    context = browser.new_context(
        viewport=WINDOWS[device],
        color_scheme="dark" if scheme == "dark" else "light",
    )
    name, value = session["name"], session["value"]
    context.add_cookies([{"name": name, "value": value, "url": url}])
    return context


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="plunk-pictures-") as place:
        # One installation, its own, whatever this shell is set up for.
        for chosen in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(chosen, None)
        os.environ["DATA_DIR"] = place
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        django.setup()
        main(Path(sys.argv[1]), sys.argv[2:])
