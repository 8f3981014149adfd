from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import pytest

from transactional.tracking.links import (
    MAX_LINK,
    clicked_mail,
    destination,
    link_address,
    opened_mail,
    pixel_address,
)

EMAIL = UUID("0199aaaa-0000-7000-8000-000000000001")
OTHER = UUID("0199aaaa-0000-7000-8000-000000000002")
URL = "https://x.example/ä?a=1&b=%20+2#top"


def parts(address: str) -> tuple[str, str]:
    """Return the token of a tracked link and where it leads."""
    split = urlsplit(address)
    return split.path.rpartition("/")[2].removesuffix(".gif"), unquote(
        split.query.removeprefix("u=")
    )


def test_a_link_names_its_mail_and_where_it_leads(settings: Any) -> None:
    address = link_address(EMAIL, URL)

    token, url = parts(address)
    assert address.startswith(f"{settings.APP_URI}/t/c/")
    assert url == URL
    assert clicked_mail(token, url) == EMAIL


def test_a_link_needs_no_escaping_in_an_attribute() -> None:
    address = link_address(EMAIL, "https://x.example/'\"<>& `{}\\")

    assert not set(address) & set("'\"<>& `{}\\")


def test_a_token_is_good_for_one_address_one_mail_and_one_purpose() -> None:
    token, _ = parts(link_address(EMAIL, URL))
    pixel, _ = parts(pixel_address(EMAIL))
    other, _ = parts(link_address(OTHER, URL))

    assert clicked_mail(token, f"{URL}/") is None
    assert clicked_mail(pixel, "") is None
    assert opened_mail(token) is None
    assert opened_mail(parts(link_address(EMAIL, ""))[0]) is None
    # The signature of one, the id of the other.
    assert clicked_mail(other[:22] + token[22:], URL) is None
    assert opened_mail(pixel) == EMAIL


@pytest.mark.parametrize(
    "token",
    ["", "x", "é" * 43, "A" * 42, "A" * 43, "A" * 44, "A" * 100_000, "\x00" * 43],
)
def test_a_token_that_we_did_not_sign_is_nothing(token: str) -> None:
    assert clicked_mail(token, URL) is None
    assert opened_mail(token) is None


def test_a_replaced_secret_keeps_its_links(settings: Any) -> None:
    settings.SECRET_KEY = "the old one"
    token, url = parts(link_address(EMAIL, URL))

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new one", ["the old one"]

    assert clicked_mail(token, url) == EMAIL
    settings.SECRET_KEY_FALLBACKS = []
    assert clicked_mail(token, url) is None


def test_a_host_of_its_own_has_the_installations_scheme_and_port(
    settings: Any,
) -> None:
    settings.APP_URI = "https://app.example.com"
    assert pixel_address(EMAIL, "click.acme.example").startswith(
        "https://click.acme.example/t/o/"
    )

    settings.APP_URI = "http://127.0.0.1:8000"
    assert link_address(EMAIL, URL, "click.acme.example").startswith(
        "http://click.acme.example:8000/t/c/"
    )


def test_an_address_too_long_for_a_link_stays_as_it_is() -> None:
    url = "https://x.example/" + "é" * MAX_LINK

    assert link_address(EMAIL, url) == url


def test_half_a_character_does_not_break_a_link() -> None:
    token, url = parts(link_address(EMAIL, destination("https://x.example/\ud800")))

    assert url == "https://x.example/?"
    assert clicked_mail(token, url) == EMAIL
