"""Tokens in links: robustness K3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.core.signing import Signer, b64_encode
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from contacts.links import (
    Link,
    Purpose,
    Undo,
    manage_url,
    read_bare_id,
    read_token,
    read_undo,
    subscribe_url,
    token_of,
    undo_token,
    unsubscribe_url,
)

PROJECT, CONTACT, EMAIL = uuid4(), uuid4(), uuid4()


def token(project: UUID = PROJECT, contact: UUID = CONTACT) -> str:
    return token_of(
        Purpose.UNSUBSCRIBE, project_id=project, contact_id=contact, email_id=EMAIL
    )


def read(text: str) -> Link | None:
    return read_token(text, Purpose.UNSUBSCRIBE)


def signed(ids: bytes, purpose: str = "unsubscribe") -> str:
    signer = Signer(sep=".", salt=f"contacts.links.{purpose}")
    return signer.sign(b64_encode(ids).decode())


def test_a_token_says_who_and_in_which_mail() -> None:
    alone = token_of(Purpose.UNSUBSCRIBE, project_id=PROJECT, contact_id=CONTACT)

    assert read(token()) == Link(CONTACT, PROJECT, EMAIL)
    assert read(alone) == Link(CONTACT, PROJECT, None)


def test_a_token_is_short_and_needs_no_quoting() -> None:
    assert len(token()) <= 108
    assert set(token()) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )


@override_settings(APP_URI="https://mail.example.com")
@pytest.mark.parametrize(
    ("purpose", "url_of"),
    [
        (Purpose.UNSUBSCRIBE, unsubscribe_url),
        (Purpose.SUBSCRIBE, subscribe_url),
        (Purpose.MANAGE, manage_url),
    ],
)
def test_the_link_is_on_the_host_of_the_pages(
    purpose: Purpose, url_of: Callable[..., str]
) -> None:
    url = url_of(project_id=PROJECT, contact_id=CONTACT, email_id=EMAIL)
    address, _, token = url.rpartition("/")

    assert address == f"https://mail.example.com/{purpose}"
    assert read_token(token, purpose) == Link(CONTACT, PROJECT, EMAIL)


def test_a_spliced_token_is_nothing() -> None:
    """Another contact or project under a signature that was ours."""
    signature = token().partition(".")[2]
    others = (token(contact=uuid4()), token(project=uuid4()))

    assert [read(f"{o.partition('.')[0]}.{signature}") for o in others] == [None, None]


def test_a_cut_or_changed_token_is_nothing() -> None:
    whole = token()
    cut = [whole[:end] for end in range(len(whole))]
    flipped = [
        f"{whole[:at]}{'A' if whole[at] != 'A' else 'B'}{whole[at + 1 :]}"
        for at in range(len(whole))
    ]

    assert {read(text) for text in [*cut, *flipped, whole + "A", whole * 2]} == {None}


def test_a_token_of_another_purpose_is_nothing() -> None:
    tokens = {
        purpose: token_of(purpose, project_id=PROJECT, contact_id=CONTACT)
        for purpose in Purpose
    }

    for mine, text in tokens.items():
        good_for = [other for other in Purpose if read_token(text, other)]
        assert good_for == [mine]


def test_an_undo_that_was_cut_or_changed_is_nothing() -> None:
    undo = Undo(
        PROJECT, CONTACT, True, datetime(2026, 3, 2, 12, 30, 1, 123_457, tzinfo=UTC)
    )
    whole = undo_token(undo)
    cut = [whole[:end] for end in range(len(whole))]

    assert read_undo(whole) == undo
    assert {read_undo(text) for text in [*cut, whole + "A", token(), "\x00", "é"]} == {
        None
    }
    assert [read_token(whole, purpose) for purpose in Purpose] == [None] * 3


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 33, 47, 49, 64])
def test_signed_bytes_of_another_length_are_nothing(length: int) -> None:
    assert read(signed(b"x" * length)) is None


@given(st.text(max_size=300))
def test_whatever_stands_in_a_link_is_answered(text: str) -> None:
    assert read(text) is None
    assert read(f"{text}.{text}") is None
    assert read_bare_id(text) is None


def test_a_token_outlives_the_secret_that_signed_it() -> None:
    with override_settings(SECRET_KEY="the first"):
        old = token()

    with override_settings(SECRET_KEY="the second", SECRET_KEY_FALLBACKS=["the first"]):
        assert read(old) == Link(CONTACT, PROJECT, EMAIL)
        assert token() != old
    with override_settings(SECRET_KEY="the second", SECRET_KEY_FALLBACKS=[]):
        assert read(old) is None


def test_the_id_of_a_contact_is_a_link_of_another_installation() -> None:
    assert read_bare_id(str(CONTACT)) == Link(CONTACT)
    assert read_bare_id(str(CONTACT).upper()) == Link(CONTACT)
    assert read_bare_id(CONTACT.hex) is None
    assert read_bare_id(f"{{{CONTACT}}}") is None
    assert read_bare_id(f"{CONTACT}\n") is None
