"""Pictures of our own mail design, to be looked at.

    python -m tests.screenshots.mails FOLDER [WORD …]

renders the body with every block and each mail of the gallery, on a desk and on a
phone, by day and by night, into FOLDER; only those whose name has one of the WORDs, if
any are given. Needs Playwright and a Chromium (`make browser`).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import django

WIDTHS = {"desk": 680, "phone": 375}
SCHEMES = ("light", "dark")
VARIABLES = {
    "firstName": "Ada",
    "isMember": True,
    "items": [
        {"name": "Rye with caraway", "quantity": 2, "price": "9.80 €"},
        {"name": "Spelt with walnuts", "price": "5.40 €"},
    ],
    "total": "15.20 €",
    "tax": "0.99 €",
    "number": "2041",
    "visitors": "1,204",
    "signups": "38",
    "revenue": "912 €",
    "goalPercent": 62,
    "highlights": ["Tuesday was your best day so far", "Three people came back"],
}


def mails() -> Iterator[tuple[str, str]]:
    """Yield the name and the HTML of each mail."""
    from tests.transactional.styling.bodies import LOOK, manuscript
    from transactional.gallery import GALLERY
    from transactional.rendering import compile_content, render

    def shown(**parts: object) -> str:
        made = compile_content(manuscript(**parts))  # type: ignore[arg-type]
        return render(made, VARIABLES).html

    yield "kitchen-sink", shown()
    yield "german-footer", shown(body="<p>Guten Tag!</p>", language="de")
    yield "plain", shown(body="Hello there,\n\nthis is plain text.\nTwo lines.")
    yield (
        "foreign",
        shown(
            body='<table style="background:#fff8e1"><tr><td>A table of its own</td>'
            "</tr></table><p>And a line.</p>"
        ),
    )
    for sample in GALLERY:
        yield (
            sample.slug,
            shown(
                body=sample.body,
                subject=sample.subject,
                preheader=sample.preheader,
                kind=sample.kind,
                look=LOOK,
            ),
        )


def main(folder: Path, words: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    pages = [
        (name, html)
        for name, html in mails()
        if not words or any(word in name for word in words)
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"]
        )
        for name, html in pages:
            (folder / f"{name}.html").write_text(html)
            for device, width in WIDTHS.items():
                for scheme in SCHEMES:
                    page = browser.new_page(
                        viewport={"width": width, "height": 600},
                        color_scheme="dark" if scheme == "dark" else "light",
                    )
                    page.set_content(html)
                    path = folder / f"{name}-{device}-{scheme}.png"
                    page.screenshot(path=path, full_page=True)
                    page.close()
        browser.close()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    main(Path(sys.argv[1]), sys.argv[2:])
