"""Pictures for mails: what is taken, what becomes of it, and who gets it."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms
from pytest_django import DjangoAssertNumQueries, Settings

from plunk.pictures import PictureError
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from transactional.images import MAX_UPLOAD, draw
from transactional.models import Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(document.domain)</script></html>"


def picture(
    *,
    kind: str = "PNG",
    size: tuple[int, int] = (60, 20),
    mode: str = "RGB",
    color: Any = "#0b6b4f",
    **options: Any,
) -> bytes:
    file = io.BytesIO()
    Pillow.new(mode, size, color).save(file, format=kind, **options)
    return file.getvalue()


def noise(width: int, height: int, *, mode: str = "RGB") -> Pillow.Image:
    """Return a picture that compresses badly, the same every time."""
    bands = []
    for seed in range(len(mode)):
        data, state = bytearray(), 12345 + seed
        for _ in range(width * height // 4):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            data += struct.pack("<I", state)
        bands.append(Pillow.frombytes("L", (width, height), bytes(data)))
    return Pillow.merge(mode, bands)


def animation(
    *, kind: str = "GIF", frames: int = 3, size: tuple[int, int] = (40, 30)
) -> bytes:
    file = io.BytesIO()
    shades = [
        Pillow.new("RGB", size, (shade * 40 % 256, 10, 200)) for shade in range(frames)
    ]
    shades[0].save(
        file, format=kind, save_all=True, append_images=shades[1:], duration=250
    )
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


def upload(raw: bytes, name: str = "a.png", kind: str = "image/png") -> Any:
    return {"file": SimpleUploadedFile(name, raw, content_type=kind)}


def read(data: bytes) -> Any:
    return Pillow.open(io.BytesIO(data))


@pytest.fixture
def url(project: Project) -> str:
    return reverse("images", args=[project.pk])


@pytest.fixture
def member(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


# -- what becomes of a picture --------------------------------------------------------
def test_a_photograph_stays_one_and_loses_what_it_tells() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by 90°
    exif[0x010F] = "Camera of Ann"
    raw = picture(kind="JPEG", size=(2400, 1200), exif=exif, comment=b"at home")

    drawn = draw(raw)

    assert drawn.content_type == "image/jpeg"
    # Upright it is 1200 wide: as wide as a picture may be.
    assert (drawn.width, drawn.height) == (1200, 2400)
    assert read(drawn.data).size == (1200, 2400)
    assert not read(drawn.data).getexif()
    assert b"Ann" not in drawn.data
    assert b"home" not in drawn.data
    assert read(drawn.data).info.get("progressive")


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "RGBA", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "1", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("PNG", "LA", "image/png"),
        ("GIF", "P", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "L", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGB", "image/jpeg"),
        ("WEBP", "RGBA", "image/png"),
    ],
)
def test_each_kind_becomes_one_that_all_mail_programs_show(
    kind: str, mode: str, expected: str
) -> None:
    color = (1, 2, 3, 100) if mode == "RGBA" else 0
    drawn = draw(picture(kind=kind, mode=mode, color=color))

    assert drawn.content_type == expected
    assert f"image/{read(drawn.data).format.lower()}" == expected
    assert (drawn.width, drawn.height) == (60, 20)


def test_what_shows_through_still_does() -> None:
    drawn = draw(picture(mode="RGBA", color=(255, 0, 0, 0)))

    assert read(drawn.data).convert("RGBA").getpixel((5, 5))[3] == 0


def test_a_profile_goes_and_its_colours_stay() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    drawn = draw(picture(kind="JPEG", icc_profile=profile))
    broken = draw(picture(kind="JPEG", icc_profile=b"no profile at all"))

    assert "icc_profile" not in read(drawn.data).info
    red, green, blue = read(broken.data).getpixel((5, 5))
    assert abs(red - 11) + abs(green - 107) + abs(blue - 79) < 12


def test_a_wide_picture_is_made_as_wide_as_two_mails() -> None:
    drawn = draw(picture(size=(3000, 600)))

    assert (drawn.width, drawn.height) == (1200, 240)


def test_a_large_png_is_drawn_with_fewer_colours() -> None:
    file = io.BytesIO()
    noise(600, 500).save(file, format="PNG")

    drawn = draw(file.getvalue())

    assert len(file.getvalue()) > 700 * 1024
    assert len(drawn.data) < 400 * 1024
    assert read(drawn.data).mode == "P"


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_goes_on_moving(kind: str) -> None:
    drawn = draw(animation(kind=kind))

    shown = read(drawn.data)
    assert drawn.content_type == "image/gif"
    assert shown.n_frames == 3
    assert shown.info["duration"] == 250
    assert shown.info["loop"] == 0


@pytest.mark.parametrize(
    "raw",
    [
        animation(frames=201),
        animation(frames=60, size=(1000, 1000)),
    ],
    ids=["frames", "pixels"],
)
def test_an_animation_without_end_is_refused(raw: bytes) -> None:
    with pytest.raises(PictureError, match="200 frames, and 50 million pixels"):
        draw(raw)


@pytest.mark.parametrize(
    "raw",
    [
        SVG,
        HTML,
        b"",
        b"GIF8",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"%PDF-1.7",
        picture(kind="BMP"),
        picture(kind="TIFF"),
        picture()[:40],
        picture(kind="JPEG")[:100],
        picture(kind="WEBP")[:30],
        png_that_says(50_000, 50_000),
        png_that_says(2**31 - 1, 2**31 - 1),
        png_that_says(5_001, 5_000),
        png_that_says(0, 10),
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
        b"GIF89a" + HTML,
    ],
    ids=range(17),
)
def test_what_is_no_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(PictureError):
        draw(raw)


def test_a_second_file_within_is_not_kept() -> None:
    drawn = draw(picture() + HTML)

    assert b"script" not in drawn.data


@given(st.binary(max_size=400), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"GIF89a"]))
def test_any_bytes_are_a_picture_or_refused(raw: bytes, beginning: bytes) -> None:
    try:
        drawn = draw(beginning + raw)
    except PictureError:
        return
    assert drawn.width


# -- the addresses --------------------------------------------------------------------
def test_a_member_uploads_and_everybody_sees(member: Client, url: str) -> None:
    answer = member.post(url, upload(picture(), "../../Our <Logo>.png"))

    shown = answer.json()
    assert answer.status_code == 201
    assert shown["url"].startswith("http://")
    assert shown["url"].endswith(f"/media/{shown['id']}.png")
    assert (shown["width"], shown["height"]) == (60, 20)
    assert shown["name"] == "Our Logo.png"
    assert member.get(url).json() == {"images": [shown], "next": None}
    path = shown["url"].partition("/media/")[2]
    served = Client().get(f"/media/{path}")
    assert served.status_code == 200
    assert read(served.content).size == (60, 20)


def test_the_same_picture_twice_is_one(member: Client, url: str) -> None:
    first, second = (member.post(url, upload(picture())).json() for _ in range(2))

    assert first == second
    assert Image.objects.count() == 1


def test_two_projects_share_nothing(
    member: Client, url: str, other_project: NewProject, charlie: User
) -> None:
    stranger = Client()
    stranger.force_login(charlie)
    theirs = reverse("images", args=[other_project.project.pk])

    first = member.post(url, upload(picture())).json()
    second = stranger.post(theirs, upload(picture())).json()

    assert first["id"] != second["id"]
    assert stranger.get(theirs).json()["images"] == [second]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose a file first."),
        ({"file": "just text"}, "Choose a file first."),
        (
            upload(SVG, "a.svg", "image/svg+xml"),
            "Choose a PNG, JPEG, WebP or GIF file.",
        ),
        (upload(HTML), "Choose a PNG, JPEG, WebP or GIF file."),
        (upload(picture()[:50]), "The picture cannot be read"),
        (
            upload(b"\x89PNG\r\n\x1a\n" + b"\x00" * MAX_UPLOAD),
            "The file may have 5 MB.",
        ),
    ],
    ids=["nothing", "text", "svg", "html", "cut", "large"],
)
def test_what_cannot_be_taken_is_said(
    fields: dict[str, Any], words: str, member: Client, url: str
) -> None:
    answer = member.post(url, fields)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "file"
    assert words in error["message"]
    assert not Image.objects.exists()


@pytest.mark.parametrize("length", ["99999999", "9" * 400, "-1", "x"])
def test_a_body_that_says_it_is_too_large_is_not_read(
    length: str, member: Client, url: str
) -> None:
    answer = member.post(url, upload(picture()), CONTENT_LENGTH=length)

    assert answer.status_code == 413


def test_another_site_cannot_upload(bob: User, url: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)

    assert client.post(url, upload(picture())).status_code == 403


def test_a_full_project_says_so(member: Client, url: str, settings: Settings) -> None:
    settings.MAX_IMAGES_COUNT = 1
    member.post(url, upload(picture()))

    again = member.post(url, upload(picture()))
    another = member.post(url, upload(picture(color="red")))
    settings.MAX_IMAGES_COUNT, settings.MAX_IMAGES_MB = 5, 0
    large = member.post(url, upload(picture(color="red")))

    assert again.status_code == 201
    (error,) = another.json()["errors"]
    assert "may have 1 pictures" in error["message"]
    assert member.get(error["url"]).status_code == 200
    assert "may have 0 MB together" in large.json()["errors"][0]["message"]


def test_a_list_goes_on_where_it_ended(member: Client, url: str) -> None:
    for shade in range(53):
        member.post(url, upload(picture(color=(shade, 0, 0))))

    first = member.get(url).json()
    second = member.get(url, {"cursor": first["next"]}).json()

    ids = [it["id"] for it in first["images"] + second["images"]]
    assert (len(first["images"]), len(second["images"])) == (50, 3)
    assert len(set(ids)) == 53
    assert second["next"] is None


@pytest.mark.parametrize("cursor", ["x", "\x00", "%ff", "é" * 32, "A" * 10_000])
def test_a_broken_cursor_is_the_first_page(
    cursor: str, member: Client, url: str
) -> None:
    member.post(url, upload(picture()))

    assert len(member.get(url, {"cursor": cursor}).json()["images"]) == 1


@pytest.mark.parametrize("count", [10, 20])
def test_a_list_takes_a_constant_number_of_statements(
    count: int,
    member: Client,
    url: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for shade in range(count):
        member.post(url, upload(picture(color=(shade, 0, 0))))

    with django_assert_max_num_queries(4):
        answer = member.get(url)

    assert len(answer.json()["images"]) == count


# -- serving --------------------------------------------------------------------------
@pytest.fixture
def shown(member: Client, url: str) -> str:
    where: str = member.post(url, upload(picture())).json()["url"]
    return "/media/" + where.partition("/media/")[2]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_picture_is_served_for_ever_and_to_all(
    method: str,
    shown: str,
    member: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        answer = member.generic(method, shown)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert int(answer["Content-Length"]) > 50
    assert bool(answer.content) == (method == "GET")
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")


def test_what_is_not_there_is_a_plain_404(shown: str) -> None:
    client = Client()
    unknown = UUID(int=7)

    for path in (
        shown.replace(".png", ".jpg"),
        shown.replace(".png", ".html"),
        f"/media/{unknown}.png",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer["Content-Type"] == "text/plain"
        assert not answer.cookies
    assert client.get("/media/x.png").status_code == 404
    assert client.post(shown).status_code == 405
