"""Uploaded pictures: looked at within limits, so that what is drawn of them is ours.

What was uploaded is never stored nor served (docs/adr/0013): a script in it, a second
file behind it, a picture that unpacks to gigabytes or a place where it was taken ends
here.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from PIL import Image

T = TypeVar("T")

#: By Pillow's name, how such a file begins: more is not tried, whatever it is called.
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "WEBP": (b"RIFF",),
}
CONTENT_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_MEGABYTE = 1024 * 1024
_MILLION = 1_000_000


class PictureError(ValueError):
    """The upload is no picture that we take; the message says what is."""


def read_upload(upload: BinaryIO, *, maximum: int) -> bytes:
    """Return an upload of at most `maximum` bytes; raises PictureError past that."""
    raw = upload.read(maximum + 1)
    if len(raw) > maximum:
        raise PictureError(f"The file may have {maximum // _MEGABYTE} MB.")
    return raw


def kind_of(raw: bytes) -> str | None:
    """Return Pillow's name of what a file begins as; None for all we do not take."""
    for kind, beginnings in _BEGINNINGS.items():
        if raw.startswith(beginnings) and (kind != "WEBP" or raw[8:12] == b"WEBP"):
            return kind
    return None


def opened(
    raw: bytes, kind: str, *, pixels: int, work: Callable[[Image.Image], T]
) -> T:
    """Return what `work` makes of a picture of at most `pixels` pixels.

    Raises PictureError for whatever cannot be decoded, in `work` or before it.
    """
    try:
        with warnings.catch_warnings():
            # Pillow only warns of the first kind of bomb; its own bound is 89 million.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Some decoders warn of what they then read all the same.
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(io.BytesIO(raw), formats=[kind]) as picture:
                check_size(picture, pixels=pixels)
                return work(picture)
    except PictureError:
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
        raise PictureError(
            "The picture cannot be read; save it again as PNG."
        ) from error


def check_size(picture: Image.Image, *, pixels: int) -> None:
    """Raise PictureError for a picture without, or with too many, pixels."""
    width, height = picture.size
    if width * height > pixels:
        side = int(pixels**0.5)
        raise PictureError(
            f"The picture may have {pixels // _MILLION} million pixels, "
            f"such as {side} × {side}."
        )
    if not width or not height:
        raise PictureError("The picture is empty.")
