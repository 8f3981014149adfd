from __future__ import annotations

import pytest

from plunk.outbound import Refused, check_header, check_target, read_target


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("http://Example.COM.:8080/a?b=c#d", "example.com", 8080, "/a?b=c"),
        ("HTTPS://example.com?x=1", "example.com", 443, "/?x=1"),
        ("https://grüße.example/ü?ß", "xn--gre-6ka8l.example", 443, "/%C3%BC?%C3%9F"),
        ("https://example.com/%2F%zz", "example.com", 443, "/%2F%zz"),
        ("http://[2606:4700::1111]:81/", "2606:4700::1111", 81, "/"),
        ("http://my_service:5678/webhook", "my_service", 5678, "/webhook"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: str) -> None:
    target = read_target(url)

    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https:example.com",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:-1/",
        "https://example.com:/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: evil",
        "https://example.com\t/",
        "https://example.com\\@evil.com/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://1.2.3.4.5/",
        "https://exa%6dple.com/",
        "https://-example.com/",
        "https://exam..ple.com/",
        f"https://{'a' * 64}.com/",
        f"https://{'a.' * 130}com/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://[fe80::1%25eth0]/",
        "https://[127.0.0.1]/",
        f"https://example.com/{'a' * 2000}",
        "https://\ud800.com/",
    ],
)
def test_what_is_no_url_to_call_is_refused_in_words(url: str) -> None:
    with pytest.raises(Refused, match=r"[a-z].*\.$"):
        read_target(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://LOCALHOST:8000/",
        "http://x.localhost/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
    ],
)
def test_what_is_inside_on_the_face_of_it_is_refused_while_one_types(url: str) -> None:
    with pytest.raises(Refused, match="not on the open net"):
        check_target(read_target(url))


def test_a_name_is_left_to_dns() -> None:
    check_target(read_target("https://example.com/"))
    check_target(read_target("https://mylocalhost/"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil"),
        ("content-length", "0"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("Proxy-Authorization", "x"),
        ("Webhook-Id", "x"),
        ("webhook-signature", "x"),
        ("", "x"),
        ("X Y", "x"),
        ("X:", "x"),
        ("X\r\nY", "x"),
        ("Grüße", "x"),
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\x00b"),
        ("X", "a" * 5000),
    ],
)
def test_a_header_that_is_not_theirs_to_set_is_refused(name: str, value: str) -> None:
    assert check_header(name, value).endswith(".")


def test_other_headers_may_be_set() -> None:
    assert check_header("Authorization", "Bearer abc") == ""
    assert check_header("X-Name", "Grüße\tan alle") == ""
