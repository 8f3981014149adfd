"""The one way an address is checked and written: robustness C1 to C3."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.addresses import _PLAIN, AddressError, _normalise_in_full, normalise


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "@",
        "a",
        "a@",
        "@b.co",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a" * 65 + "@b.co",
        "a@" + "b" * 64 + ".co",
        "a@" + "b." * 130 + "co",
        "a" * 64 + "@" + ".".join(["b" * 60] * 4) + ".co",
        "a@b.c\u200do",
        "a@b\u200d.co",
        "a b@c.co",
        '"a b"@c.co',
        "a@b",
        "a@b.co\n",
        "a@b.co\r\nBcc: x@y.co",
        "\ta@b.co",
        "a@b.co\u2028",
        "a@b.co\u00a0",
        "a@b.co,c@d.co",
        "a@b.co;c@d.co",
        "a@b.co c@d.co",
        "<a@b.co>",
        "A <a@b.co>",
        ".a@b.co",
        "a.@b.co",
        "a..b@c.co",
        "a@b..co",
        "a@.b.co",
        "a@b.co.",
        "a@-b.co",
        "a@b-.co",
        "a@b_c.co",
        "a@@b.co",
        "a@b@c.co",
        "a@b.test",
        "a@b.invalid",
        "a@1.2.3.4",
        "a(comment)@b.co",
        "a\x00@b.co",
        "a\\@b.co",
        "mailto:a@b.co",
        "a＠b.co",
        "a@b．co\n",
    ],
)
def test_what_ses_cannot_deliver_to_is_refused(text: str) -> None:
    """C1."""
    with pytest.raises(AddressError):
        normalise(text)


@pytest.mark.parametrize("text", ["ä@b.co", "用户@b.co", "a\u0301@b.co", "а@b.co"])
def test_a_local_part_beyond_ascii_is_refused_by_name(text: str) -> None:
    """C2: never turned into punycode."""
    with pytest.raises(AddressError) as refused:
        normalise(text)

    assert refused.value.code == "smtputf8_unsupported"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a@müller.de", "a@xn--mller-kva.de"),
        ("a@mu\u0308ller.de", "a@xn--mller-kva.de"),
        ("a@MÜLLER.de", "a@xn--mller-kva.de"),
        ("a@xn--mller-kva.de", "a@xn--mller-kva.de"),
        ("a@faß.de", "a@xn--fa-hia.de"),
        ("a@ｅxample.com", "a@example.com"),
        ("a@b。co", "a@b.co"),
        ("  Ann@Example.COM ", "ann@example.com"),
        ("a+tag@b.co", "a+tag@b.co"),
        ("!#$%&'*+-/=?^_`{|}~@b.co", "!#$%&'*+-/=?^_`{|}~@b.co"),
        ("a" * 64 + "@b.co", "a" * 64 + "@b.co"),
        ("a@" + "b" * 63 + ".co", "a@" + "b" * 63 + ".co"),
    ],
)
def test_one_address_has_one_spelling(text: str, stored: str) -> None:
    """C3: IDNA 2008 with UTS 46; composed and decomposed are the same contact."""
    assert normalise(text) == stored
    assert normalise(stored) == stored


@given(
    st.text(max_size=80) | st.text(alphabet='a@.-_+\u200d\u0308üÄ 1x\n<>"', max_size=40)
)
def test_whatever_passes_is_ascii_bounded_and_stable(text: str) -> None:
    try:
        address = normalise(text)
    except AddressError:
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    assert len(address) <= 254
    assert address == address.lower() == normalise(address)


near_plain = st.from_regex(
    r"\A ?[A-Za-z0-9_+'.-]{1,70}@(?:[A-Za-z0-9-]{1,10}\.){0,3}[A-Za-z0-9-]{1,9} ?\Z"
)
reserved = st.tuples(
    st.sampled_from(["a", "a.b", "A", ".a", "a.", "a..b", "a" * 64, "a" * 65]),
    st.sampled_from(
        ["x.", "x--y.", "xn--mller-kva.", "-x.", "x-.", "", "b" * 60 + "."]
    ),
    st.sampled_from(
        ["test", "TEST", "latest", "local", "localhost", "onion", "co", "c1"]
    ),
).map(lambda parts: f"{parts[0]}@{parts[1]}{parts[2]}")


@settings(max_examples=400)
@given(near_plain | reserved)
def test_the_fast_way_says_what_the_full_one_says(text: str) -> None:
    def answer(normal: Callable[[str], str], given_text: str) -> str:
        try:
            return normal(given_text)
        except AddressError as error:
            return f"refused: {error}"

    assert answer(normalise, text) == answer(_normalise_in_full, text.strip(" "))


@pytest.mark.parametrize(
    "text", ["Ann@Example.com", "o'neil+tag@mail-1.example.co.uk", "a_b-c.d@x.io"]
)
def test_an_ordinary_address_goes_the_fast_way(text: str) -> None:
    assert _PLAIN.fullmatch(text)
    assert normalise(text) == _normalise_in_full(text) == text.lower()
