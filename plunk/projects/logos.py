"""A project's logo: decoded within limits, drawn anew, and only then kept.

What was uploaded is never stored nor served (docs/adr/0013): a script in it, a second
file behind it, a picture that unpacks to gigabytes or a place where it was taken ends
here.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from PIL import Image, ImageOps

from plunk.projects.models import Logo

#: What is read of an upload, in bytes.
MAX_UPLOAD = 2 * 1024 * 1024
#: The largest picture that is decoded, in pixels: 64 MB as RGBA.
MAX_PIXELS = 16_000_000
MAX_WIDTH, MAX_HEIGHT = 600, 200
MAX_PNG = 100 * 1024
#: By Pillow's name, how such a file begins: more is not tried, whatever it is called.
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "WEBP": (b"RIFF",),
}
CONTENT_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
#: Sizes and depths that are tried until the file is small enough.
_SCALES = (1.0, 0.75, 0.5, 0.35)
_COLORS = 256


class LogoError(ValueError):
    """The upload is no picture that we take; the message says what is."""


@dataclass(frozen=True, slots=True)
class Drawing:
    png: bytes
    width: int
    height: int


def save_logo(*, project_id: UUID, drawing: Drawing) -> Logo:
    """Give a project a logo, in the place of the one it had."""
    logo, _ = Logo.objects.update_or_create(
        project_id=project_id,
        defaults={
            "png": drawing.png,
            "width": drawing.width,
            "height": drawing.height,
        },
    )
    return logo


def remove_logo(*, project_id: UUID) -> bool:
    """Take a project's logo away; return False if it had none."""
    deleted, _ = Logo.objects.filter(project_id=project_id).delete()
    return deleted > 0


def draw_anew(upload: BinaryIO, *, content_type: str) -> Drawing:
    """Return an uploaded picture as a PNG of at most 600 by 200 pixels and 100 KB.

    Raises LogoError for anything but a PNG, JPEG, WebP or GIF of at most 2 MB and 16
    million pixels that is what it says it is.
    """
    raw = upload.read(MAX_UPLOAD + 1)
    if len(raw) > MAX_UPLOAD:
        raise LogoError("The file may have 2 MB.")
    if content_type not in CONTENT_TYPES:
        raise LogoError("Choose a PNG, JPEG, WebP or GIF file.")
    kind = _kind(raw)
    if kind is None or f"image/{kind.lower()}" != content_type:
        raise LogoError("The file is not the kind of picture that it says it is.")
    return _fitting(_decode(raw, kind))


def _kind(raw: bytes) -> str | None:
    for kind, beginnings in _BEGINNINGS.items():
        if raw.startswith(beginnings) and (kind != "WEBP" or raw[8:12] == b"WEBP"):
            return kind
    return None


def _decode(raw: bytes, kind: str) -> Image.Image:
    """Return the first frame, upright and in RGBA."""
    try:
        with warnings.catch_warnings():
            # Pillow only warns of the first kind of bomb; its own bound is 89 million.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Some decoders warn of what they then read all the same.
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(io.BytesIO(raw), formats=[kind]) as picture:
                _check_size(picture)
                # A JPEG is decoded at a fraction of its size where that is enough.
                picture.draft("RGB", (2 * MAX_WIDTH, 2 * MAX_HEIGHT))
                upright = ImageOps.exif_transpose(picture)
                return upright.convert("RGBA")
    except LogoError:
        raise
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        MemoryError,
        ArithmeticError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        # Decoders of broken files fail in all these ways.
        raise LogoError("The picture cannot be read; save it again as PNG.") from error


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise LogoError("The picture may have 16 million pixels, such as 4000 × 4000.")
    if not width or not height:
        raise LogoError("The picture is empty.")


def _fitting(picture: Image.Image) -> Drawing:
    for scale in _SCALES:
        small = picture.copy()
        small.thumbnail(
            (round(MAX_WIDTH * scale), round(MAX_HEIGHT * scale)),
            Image.Resampling.LANCZOS,
        )
        for drawn in (small, small.quantize(_COLORS)):
            png = _as_png(drawn)
            if len(png) <= MAX_PNG:
                return Drawing(png, *drawn.size)
    raise LogoError("The picture has too much detail for a logo.")


def _as_png(picture: Image.Image) -> bytes:
    """Write a picture and nothing else: no profile, no text, no time, no place."""
    bare = picture.copy()
    bare.info.clear()
    file = io.BytesIO()
    bare.save(file, format="PNG", optimize=True)
    return file.getvalue()
