"""Pictures that not everybody sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transactional.linting.findings import HINT, WARNING, Note
from transactional.linting.markup import Element

_WIDTH = re.compile(r"(?i)(?:^|;)\s*(?:max-)?width\s*:")


def about_picture(element: Element, *, is_link: bool) -> Iterator[Note]:
    """Yield what is to be said about a picture."""
    is_link = is_link or bool(element.get("data-href"))
    if "alt" not in element.attributes:
        yield Note(
            WARNING,
            "picture_without_text",
            "This picture has no alt text. Without pictures, or read aloud, it says "
            'nothing: write alt="…", or alt="" if it is decoration.',
            element.start,
        )
    elif is_link and not element.get("alt"):
        yield Note(
            HINT,
            "linked_picture_without_text",
            "This picture is a link, and nothing says where it leads without "
            "pictures: give it an alt text.",
            element.place("alt"),
        )
    if not element.get("width") and not _WIDTH.search(element.get("style")):
        yield Note(
            HINT,
            "picture_without_width",
            "This picture has no width. Outlook shows it as large as it is: write "
            'width="…".',
            element.start,
        )
    yield from _about_address(element)


def _about_address(element: Element) -> Iterator[Note]:
    address, place = element.get("src"), element.place("src")
    if not address:
        yield Note(
            WARNING, "picture_without_address", "This picture has no address.", place
        )
    elif address.startswith("data:"):
        yield Note(
            WARNING,
            "embedded_picture",
            "Gmail and Outlook do not show pictures that are written into the mail: "
            "upload it, and use its address.",
            place,
        )
    elif address.startswith("http://"):
        yield Note(
            HINT,
            "insecure_picture",
            "This picture is not loaded over https, and some programs leave it out.",
            place,
        )
    elif not address.startswith(("https://", "cid:", "{{", "{%")):
        yield Note(
            WARNING,
            "relative_picture",
            f"“{address[:60]}” cannot be found from a mail: begin it with https://.",
            place,
        )
