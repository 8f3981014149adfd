"""Pictures for mails: drawn anew within limits, kept once, and served until deleted.

What was uploaded is never stored nor served (`plunk.pictures`). What is drawn of it
suits every mail program: JPEG, PNG or GIF, because Outlook shows no WebP, and at most
twice as wide as a mail, because a screen may have two dots where the mail has one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from threading import BoundedSemaphore
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.urls import reverse
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from plunk.pictures import PictureError, check_size, kind_of, opened, read_upload
from plunk.projects.models import Project
from transactional.attachments import clean_filename
from transactional.models import Image, Template

MEGABYTE = 1024 * 1024
#: What is read of an upload, in bytes.
MAX_UPLOAD = 5 * MEGABYTE
#: The largest picture that is decoded, in pixels: 100 MB as RGBA.
MAX_PIXELS = 25_000_000
#: Twice the width of a mail; nobody scrolls through more than some screens of height.
MAX_WIDTH, MAX_HEIGHT = 1200, 4000
#: An animation is bounded in frames, in pixels of all of them together, and as a file:
#: a mail that takes long to load is not looked at.
MAX_FRAMES = 200
MAX_ANIMATED_PIXELS = 50_000_000
MAX_ANIMATION = 3 * MEGABYTE
ANIMATION_WIDTH = 600
#: A PNG beyond this is drawn with 256 colours.
_LARGE_PNG = 700 * 1024
_JPEG_QUALITY = 85
_COLORS = 256
#: What is more of an animation's frames, in milliseconds, is a mistake.
_LONGEST_FRAME, _USUAL_FRAME = 60_000, 100

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}

#: Bodies have up to 2 MB: so many templates are looked through for a picture, those
#: that were changed last.
MOST_SEARCHED = 300
#: How many of those that show it are named.
MOST_NAMED = 5

#: Decoding takes memory: so many at a time, and the others wait.
_drawing = BoundedSemaphore(2)


_WAY_OUT = "Some can be deleted under Settings, Pictures."


class TooManyImages(PictureError):
    """The project has as many pictures as it may have."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as it will be served."""

    data: bytes
    content_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a project's pictures take of what they may, in number and in bytes."""

    count: int
    size: int
    most_count: int
    most_size: int

    @property
    def is_full(self) -> bool:
        return self.count >= self.most_count or self.size >= self.most_size


@dataclass(frozen=True, slots=True)
class Uses:
    """Which templates show a picture: some of their rows, with id and name.

    `is_all` says that every template was looked through and each that shows it named.
    """

    templates: list[Template]
    is_all: bool


def save_image(*, project_id: UUID, upload: BinaryIO, name: str) -> tuple[Image, bool]:
    """Keep a picture for a project's mails; return it, and whether it is a new one.

    The same one twice is one. Raises PictureError for anything but a PNG, JPEG, WebP or
    GIF of at most 5 MB and 25 million pixels, and TooManyImages where the project has
    no room for another.
    """
    drawing = draw(read_upload(upload, maximum=MAX_UPLOAD))
    digest = sha256(drawing.data).digest()
    with transaction.atomic():
        # One at a time in a project: the room is counted, then used.
        Project.objects.select_for_update(no_key=True).only("pk").get(pk=project_id)
        known = Image.objects.defer("data").filter(project=project_id, digest=digest)
        image = known.first()
        if image is not None:
            return image, False
        _require_room(project_id, len(drawing.data))
        made = Image.objects.create(
            project_id=project_id,
            name=clean_filename(name),
            content_type=drawing.content_type,
            width=drawing.width,
            height=drawing.height,
            size=len(drawing.data),
            digest=digest,
            data=drawing.data,
        )
        return made, True


def delete_image(image: Image) -> bool:
    """Delete a picture; say whether it was still there.

    Its address answers 404 from then on, in mails that were sent too. The same picture
    uploaded again is another one, at another address.
    """
    deleted, _ = Image.objects.filter(pk=image.pk, project=image.project_id).delete()
    return deleted > 0


def image_path(image: Image) -> str:
    """Return where on this server a picture is."""
    return reverse("media", args=[image.pk, EXTENSIONS[image.content_type]])


def image_url(image: Image) -> str:
    """Return where a picture is served; what is there is never another one."""
    return f"{settings.APP_URI}{image_path(image)}"


def room_of(project_id: UUID) -> Room:
    """Count a project's pictures: never many more rows than it may have."""
    used = Image.objects.filter(project=project_id).aggregate(
        count=Count("pk"), size=Sum("size", default=0)
    )
    return Room(
        count=used["count"],
        size=used["size"],
        most_count=settings.MAX_IMAGES_COUNT,
        most_size=settings.MAX_IMAGES_MB * MEGABYTE,
    )


def uses_of(image: Image) -> Uses:
    """Find templates whose newest body shows a picture, by its id in an address.

    Two statements, and a bounded number of bodies.
    """
    newest = (
        Template.objects.existing()
        .filter(project=image.project_id)
        .order_by("-updated_at", "-id")
        .values_list("pk", flat=True)
    )
    searched = list(newest[: MOST_SEARCHED + 1])
    found = list(
        Template.objects.filter(
            project=image.project_id,
            pk__in=searched[:MOST_SEARCHED],
            body__contains=str(image.pk),
        )
        .only("name", "project")
        .order_by("-updated_at", "-id")[: MOST_NAMED + 1]
    )
    return Uses(
        templates=found[:MOST_NAMED],
        is_all=len(searched) <= MOST_SEARCHED and len(found) <= MOST_NAMED,
    )


def draw(raw: bytes) -> Drawing:
    """Return an uploaded picture as mail programs show it; raises PictureError.

    What it is called, and what its sender says it is, does not matter.
    """
    kind = kind_of(raw)
    if kind is None:
        raise PictureError("Choose a PNG, JPEG, WebP or GIF file.")
    with _drawing:
        return opened(raw, kind, pixels=MAX_PIXELS, work=_drawn)


def _require_room(project_id: UUID, size: int) -> None:
    room = room_of(project_id)
    if room.count >= room.most_count:
        raise TooManyImages(
            f"A project may have {room.most_count} pictures, and this one has them. "
            f"{_WAY_OUT}"
        )
    if room.size + size > room.most_size:
        raise TooManyImages(
            f"A project's pictures may have {settings.MAX_IMAGES_MB} MB together; "
            f"there is no room for this one. {_WAY_OUT}"
        )


def _drawn(picture: Pillow.Image) -> Drawing:
    is_animation = picture.format in {"GIF", "WEBP"} and getattr(
        picture, "is_animated", False
    )
    if is_animation:
        return _animation(picture)
    if picture.format == "JPEG":
        # Decoded at a fraction of its size where that is enough.
        picture.draft("RGB", (MAX_WIDTH, MAX_HEIGHT))
    still = _in_srgb(ImageOps.exif_transpose(picture))
    still.thumbnail((MAX_WIDTH, MAX_HEIGHT), Pillow.Resampling.LANCZOS)
    is_photograph = picture.format in {"JPEG", "WEBP"} and still.mode == "RGB"
    return _jpeg(still) if is_photograph else _png(still)


def _in_srgb(picture: Pillow.Image) -> Pillow.Image:
    """Return RGB or, where something shows through, RGBA, in the colours of the web.

    The profile goes with the rest of the file: a telephone's photograph would be pale
    without it.
    """
    profile = picture.info.get("icc_profile")
    has_alpha = picture.has_transparency_data
    if profile and picture.mode in {"RGB", "RGBA", "CMYK"}:
        try:
            converted = ImageCms.profileToProfile(
                picture,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if has_alpha else "RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            # A profile that says nothing is no reason to refuse a picture.
            converted = None
        if converted is not None:
            return converted
    return picture.convert("RGBA" if has_alpha else "RGB")


def _jpeg(picture: Pillow.Image) -> Drawing:
    data = _written(
        picture, "JPEG", quality=_JPEG_QUALITY, progressive=True, optimize=True
    )
    return Drawing(data, "image/jpeg", *picture.size)


def _png(picture: Pillow.Image) -> Drawing:
    data = _written(picture, "PNG", optimize=True)
    if len(data) > _LARGE_PNG:
        fewer = picture.quantize(
            _COLORS,
            method=(
                Pillow.Quantize.FASTOCTREE
                if picture.mode == "RGBA"
                else Pillow.Quantize.MEDIANCUT
            ),
        )
        data = min(data, _written(fewer, "PNG", optimize=True), key=len)
    return Drawing(data, "image/png", *picture.size)


def _animation(picture: Pillow.Image) -> Drawing:
    """Return all frames, each drawn anew, as a GIF; raises PictureError past bounds."""
    frames: list[Pillow.Image] = []
    durations: list[int] = []
    decoded = 0
    while True:
        check_size(picture, pixels=MAX_PIXELS)
        decoded += picture.width * picture.height
        if len(frames) >= MAX_FRAMES or decoded > MAX_ANIMATED_PIXELS:
            raise PictureError(
                f"An animation may have {MAX_FRAMES} frames, and "
                f"{MAX_ANIMATED_PIXELS // 1_000_000} million pixels in all of them."
            )
        frame = picture.convert("RGBA")
        frame.thumbnail((ANIMATION_WIDTH, MAX_HEIGHT), Pillow.Resampling.LANCZOS)
        frames.append(frame)
        durations.append(_milliseconds(picture.info.get("duration")))
        try:
            picture.seek(len(frames))
        except EOFError:
            break
    data = _written(
        frames[0],
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        disposal=2,
        optimize=False,
    )
    if len(data) > MAX_ANIMATION:
        raise PictureError("The animation is too large: it may have 3 MB when drawn.")
    return Drawing(data, "image/gif", *frames[0].size)


def _milliseconds(given: object) -> int:
    if isinstance(given, int | float) and 0 < given <= _LONGEST_FRAME:
        return max(20, int(given))
    return _USUAL_FRAME


def _written(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    """Write a picture and nothing else: no profile, no text, no time, no place."""
    bare = picture.copy()
    bare.info.clear()
    file = io.BytesIO()
    bare.save(file, format=kind, **options)
    return file.getvalue()
