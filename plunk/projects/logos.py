"""A project's logo: decoded within limits, drawn anew, and only then kept.

What was uploaded is never stored nor served (`plunk.pictures`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from PIL import Image, ImageOps

from plunk.pictures import (
    CONTENT_TYPES,
    PictureError,
    kind_of,
    opened,
    read_upload,
)
from plunk.projects.models import Logo

#: What is read of an upload, in bytes.
MAX_UPLOAD = 2 * 1024 * 1024
#: The largest picture that is decoded, in pixels: 64 MB as RGBA.
MAX_PIXELS = 16_000_000
MAX_WIDTH, MAX_HEIGHT = 600, 200
MAX_PNG = 100 * 1024
#: Sizes and depths that are tried until the file is small enough.
_SCALES = (1.0, 0.75, 0.5, 0.35)
_COLORS = 256


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

    Raises PictureError for anything but a PNG, JPEG, WebP or GIF of at most 2 MB and 16
    million pixels that is what it says it is.
    """
    raw = read_upload(upload, maximum=MAX_UPLOAD)
    if content_type not in CONTENT_TYPES:
        raise PictureError("Choose a PNG, JPEG, WebP or GIF file.")
    kind = kind_of(raw)
    if kind is None or f"image/{kind.lower()}" != content_type:
        raise PictureError("The file is not the kind of picture that it says it is.")
    return _fitting(opened(raw, kind, pixels=MAX_PIXELS, work=_upright))


def _upright(picture: Image.Image) -> Image.Image:
    """Return the first frame, upright and in RGBA."""
    # A JPEG is decoded at a fraction of its size where that is enough.
    picture.draft("RGB", (2 * MAX_WIDTH, 2 * MAX_HEIGHT))
    return ImageOps.exif_transpose(picture).convert("RGBA")


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
    raise PictureError("The picture has too much detail for a logo.")


def _as_png(picture: Image.Image) -> bytes:
    """Write a picture and nothing else: no profile, no text, no time, no place."""
    bare = picture.copy()
    bare.info.clear()
    file = io.BytesIO()
    bare.save(file, format="PNG", optimize=True)
    return file.getvalue()
