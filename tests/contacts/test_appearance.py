"""How a project meets its recipients: colour, logo, language, double opt-in."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from plunk.pictures import PictureError
from plunk.projects.branding import (
    CONTROL_CONTRAST,
    DARK,
    LIGHT,
    TEXT_CONTRAST,
    brand,
    contrast,
)
from plunk.projects.logos import MAX_PNG, draw_anew
from plunk.projects.models import Logo, Project, User

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(1)</script></html>"


@pytest.fixture
def owner(client: Client, alice: User, project: Project) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/settings/recipients/"


def picture(
    width: int = 60, height: int = 20, kind: str = "PNG", mode: str = "RGB", **how: Any
) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), 200 if mode == "L" else None).save(
        file, kind, **how
    )
    return file.getvalue()


def noise(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


def png_that_says(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header promises a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
        + chunk(b"IEND", b"")
    )


def form(**values: Any) -> dict[str, Any]:
    return {"swatch": "#0b6b4f", "own_color": "", "language": "de", **values}


def upload(raw: bytes, kind: str = "image/png", name: str = "a.png") -> Any:
    return SimpleUploadedFile(name, raw, content_type=kind)


def draw(raw: bytes, kind: str = "image/png") -> Any:
    return draw_anew(io.BytesIO(raw), content_type=kind)


# -- the page -------------------------------------------------------------------------
def test_what_admins_choose_is_kept(owner: Client, url: str, project: Project) -> None:
    answer = owner.post(url, form(double_opt_in="on", logo=upload(picture())))

    project.refresh_from_db()
    assert answer["Location"] == url
    assert (project.color, project.language) == ("#0b6b4f", "de")
    assert project.double_opt_in
    assert (project.logo.width, project.logo.height) == (60, 20)
    assert b"The logo of Acme" in owner.get(url).content


def test_a_colour_of_ones_own(owner: Client, url: str, project: Project) -> None:
    owner.post(url, form(swatch="own", own_color=" #FFE600 "))

    project.refresh_from_db()
    assert project.color == "#ffe600"
    assert b"The text on it is black" in owner.get(url).content


@pytest.mark.parametrize(
    "fields",
    [
        {"swatch": "own", "own_color": ""},
        {"swatch": "own", "own_color": "red"},
        {"swatch": "own", "own_color": "#fff"},
        {"swatch": "own", "own_color": "#ffffff\n}"},
        {"swatch": "own", "own_color": "#ffffff;background:url(//x)"},
        {"swatch": "#123456"},
        {"swatch": ""},
        {"language": "tlh"},
        {"language": ""},
        {"logo": "not a file", "language": "\x00"},
    ],
)
def test_what_cannot_be_is_not_kept(
    owner: Client, url: str, project: Project, fields: dict[str, str]
) -> None:
    answer = owner.post(url, form(**fields))

    project.refresh_from_db()
    assert answer.status_code == 200
    assert (project.color, project.language) == ("", "en")


def test_a_logo_is_replaced_and_removed(
    owner: Client, url: str, project: Project
) -> None:
    owner.post(url, form(logo=upload(picture(10, 10))))
    owner.post(url, form(logo=upload(picture(30, 10)), remove_logo="on"))
    replaced = Logo.objects.get().width
    owner.post(url, form())
    kept = Logo.objects.count()
    owner.post(url, form(remove_logo="on"))

    assert (replaced, kept, Logo.objects.count()) == (30, 1, 0)


def test_a_logo_that_is_none_is_refused_with_a_reason(
    owner: Client, url: str, project: Project
) -> None:
    answer = owner.post(url, form(logo=upload(SVG, "image/svg+xml", "a.svg")))

    project.refresh_from_db()
    assert b"Choose a PNG, JPEG, WebP or GIF file." in answer.content
    assert project.color == ""
    assert not Logo.objects.exists()


def test_members_see_it_and_change_nothing(
    client: Client, url: str, project: Project, bob: User
) -> None:
    client.force_login(bob)

    page = client.get(url)
    answer = client.post(url, form())

    assert b"disabled" in page.content
    assert b"Save changes" not in page.content
    assert answer.status_code == 403
    project.refresh_from_db()
    assert project.color == ""


def test_a_logo_of_many_megabytes_is_refused(owner: Client, url: str) -> None:
    answer = owner.post(url, form(logo=upload(picture() + b"x" * 3_000_000)))

    assert b"The file may have 2 MB." in answer.content
    assert not Logo.objects.exists()


@pytest.mark.parametrize("language", ["en", "hi"])
def test_each_page_can_be_seen_beforehand(
    owner: Client, url: str, language: str
) -> None:
    for page in ("unsubscribe", "subscribe", "manage", "x\x00"):
        answer = owner.get(f"{url}preview/", {"page": page, "language": language})
        assert answer.status_code == 200
        assert b"inert" in answer.content
        assert answer.content.decode().count("a•••@example.com") >= 1


# -- the logo as it is served ---------------------------------------------------------
def test_a_logo_is_served_to_anybody_and_is_nothing_but_a_picture(
    owner: Client, url: str, project: Project
) -> None:
    owner.post(url, form(logo=upload(picture())))
    page = owner.get(f"{url}preview/").content.decode()
    path = page.partition('class="sender-logo" src="')[2].partition('"')[0]

    answer = Client().get(path)
    old = Client().get(f"/logos/{project.pk}/1.png")

    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "immutable" in answer["Cache-Control"]
    assert "immutable" not in old["Cache-Control"]
    assert not answer.cookies
    assert Image.open(io.BytesIO(answer.content)).format == "PNG"
    assert old.content == answer.content


@pytest.mark.parametrize("version", ["0", "9" * 200, "-1", "x", "1.5"])
def test_a_logo_that_is_not_there_is_not_found(
    client: Client, project: Project, version: str
) -> None:
    assert client.get(f"/logos/{project.pk}/{version}.png").status_code == 404


# -- F7: what is uploaded -------------------------------------------------------------
@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (picture(), "image/png"),
        (picture(mode="P"), "image/png"),
        (picture(mode="LA"), "image/png"),
        (picture(mode="I;16"), "image/png"),
        (picture(mode="1"), "image/png"),
        (picture(kind="JPEG"), "image/jpeg"),
        (picture(kind="JPEG", mode="CMYK"), "image/jpeg"),
        (picture(kind="GIF"), "image/gif"),
        (picture(kind="WEBP", mode="RGBA"), "image/webp"),
        (noise(900, 900), "image/png"),
    ],
)
def test_a_picture_is_drawn_anew_and_small(raw: bytes, kind: str) -> None:
    drawing = draw(raw, kind)

    drawn = Image.open(io.BytesIO(drawing.png))
    drawn.load()
    assert drawn.format == "PNG"
    assert drawn.size == (drawing.width, drawing.height)
    assert drawing.width <= 600
    assert drawing.height <= 200
    assert len(drawing.png) <= MAX_PNG


def test_the_form_of_a_picture_stays() -> None:
    drawing = draw(picture(3000, 500))

    assert (drawing.width, drawing.height) == (600, 100)


@pytest.mark.parametrize(
    "extra",
    [
        HTML,
        b"PK\x03\x04" + HTML,
        b"%PDF-1.7",
    ],
)
def test_of_a_file_that_is_two_things_one_is_left(extra: bytes) -> None:
    drawing = draw(picture() + extra)

    assert extra not in drawing.png


def test_what_a_picture_says_beside_itself_is_gone() -> None:
    with_place = Image.Exif()
    with_place[0x010E] = "<script>at home</script>"
    raw = picture(kind="JPEG", exif=with_place, comment=HTML)

    drawing = draw(raw, "image/jpeg")

    assert b"script" in raw
    assert b"script" not in drawing.png


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (SVG, "image/svg+xml"),
        (SVG, "image/png"),
        (HTML, "image/png"),
        (HTML, "text/html"),
        (b"GIF89a/*" + HTML, "image/gif"),
        (b"", "image/png"),
        (picture(), "image/jpeg"),
        (picture(kind="JPEG"), "image/png"),
        (picture(kind="BMP"), "image/bmp"),
        (picture(kind="TIFF"), "image/png"),
        (picture(kind="ICO", width=16, height=16), "image/png"),
        (picture()[:40], "image/png"),
        (picture(kind="WEBP")[:30], "image/webp"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "image/webp"),
        (png_that_says(50_000, 50_000), "image/png"),
        (png_that_says(2**31 - 1, 2**31 - 1), "image/png"),
        (png_that_says(4_001, 4_000), "image/png"),
        (png_that_says(0, 10), "image/png"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "image/png"),
        (picture() + b"x" * (2 * 1024 * 1024), "image/png"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(raw: bytes, kind: str) -> None:
    with pytest.raises(PictureError):
        draw(raw, kind)


@given(st.binary(max_size=400), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"GIF89a"]))
def test_any_bytes_are_a_picture_or_refused(raw: bytes, beginning: bytes) -> None:
    kind = "image/gif" if beginning.startswith(b"GIF") else "image/png"

    try:
        drawing = draw(beginning + raw, kind)
    except PictureError:
        return
    assert drawing.png.startswith(b"\x89PNG")


# -- colours --------------------------------------------------------------------------
@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_every_colour_can_be_read_and_seen(color: str) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11."""
    colors = brand(color)

    assert colors.fill == color
    assert contrast(colors.fill, colors.on_fill) >= TEXT_CONTRAST
    assert contrast(colors.on_light, LIGHT) >= CONTROL_CONTRAST
    assert contrast(colors.on_dark, DARK) >= CONTROL_CONTRAST


@pytest.mark.parametrize("text", ["", "red", "#fff", "#00000:", "#FFFFFF", "#0b6b4f\n"])
def test_what_is_no_colour_is_ours(text: str) -> None:
    assert brand(text).fill == "#5546d6"
