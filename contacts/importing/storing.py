"""A file becomes rows of the database, as UTF-8, so that every host can go on with it.

It streams: whatever its size, about a piece of it is in memory.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.conf import settings

from contacts.importing.dialect import delimiter_of, encoding_of, separator_line
from contacts.models import ImportPiece, Job, JobKind, JobState
from plunk.projects.models import User

#: Characters of a piece: about a MiB of UTF-8.
PIECE_CHARACTERS = 1024 * 1024
MAX_COLUMNS = 300
#: Where the header and the first rows are looked for.
HEAD_CHARACTERS = 128 * 1024
_READ = 256 * 1024
_GZIP = b"\x1f\x8b"
_NOT_TEXT = {
    b"PK\x03\x04": "This is an Excel workbook or a ZIP archive. Save the sheet as CSV "
    "and upload that.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook. Save the sheet as CSV and "
    "upload that.",
    b"%PDF": "This is a PDF. Save the table as CSV and upload that.",
}
CP1252_NOTE = (
    "The file is not UTF-8, so it was read as Windows-1252. Look at letters such as "
    "é and ü in the preview; if they are wrong, save it as UTF-8 and upload it again."
)


class UploadError(ValueError):
    """Why a file cannot be imported, in words for whoever uploaded it."""


class TooLarge(UploadError):
    """The file, or what it unpacks to, is over the limit."""


def store_upload(
    *,
    project_id: UUID,
    file: BinaryIO,
    name: str,
    user: User | None = None,
    max_bytes: int | None = None,
) -> Job:
    """Keep a file for an import and return the draft of its job.

    `max_bytes` holds for the file and for what it unpacks to; by default the setting
    IMPORT_MAX_MB. Raises UploadError, and nothing is kept then.
    """
    limit = max_bytes or settings.IMPORT_MAX_MB * 1024 * 1024
    source = _Upload(file, limit)
    job = Job.objects.create(
        project_id=project_id, kind=JobKind.IMPORT, state=JobState.DRAFT, user=user
    )
    try:
        facts = _store(job, source)
    except BaseException:
        ImportPiece.objects.filter(job=job).delete()
        job.delete()
        raise
    # What a browser calls the file may be a whole path.
    shown = PurePath(name.replace("\\", "/")).name.replace("\x00", "")[:200]
    job.parameters = {"name": shown or "Untitled", **facts}
    job.position = {"piece": 0, "offset": facts.pop("start"), "row": 1}
    job.parameters.pop("start")
    job.total = facts["bytes"]
    job.save(update_fields=["parameters", "position", "total"])
    return job


class _Upload:
    """A file that may be packed, read from its beginning as often as needed."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit = file, limit
        file.seek(0)
        head = file.read(4)
        self._is_packed = head.startswith(_GZIP)
        for magic, words in _NOT_TEXT.items():
            if head.startswith(magic):
                raise UploadError(words)
        if file.seek(0, io.SEEK_END) > limit:
            raise self._too_large("The file has")

    def _too_large(self, what: str) -> TooLarge:
        limit = self._limit / (1024 * 1024)
        return TooLarge(f"{what} more than {limit:g} MB. Split it into several.")

    def encoding(self) -> str:
        return encoding_of(cast("BinaryIO", _Reads(self._parts())))

    def texts(self, encoding: str) -> Iterator[str]:
        """Decode the file part by part."""
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        for part in self._parts():
            yield decoder.decode(part)
        yield decoder.decode(b"", final=True)

    def digest(self) -> str:
        """Return what tells this file from others, whatever it is called."""
        self._file.seek(0)
        return hashlib.file_digest(cast("Any", self._file), "sha256").hexdigest()

    def _parts(self) -> Iterator[bytes]:
        self._file.seek(0)
        if not self._is_packed:
            while part := self._file.read(_READ):
                yield part
            return
        size = 0
        try:
            with gzip.GzipFile(fileobj=self._file) as unpacked:
                while part := unpacked.read(_READ):
                    size += len(part)
                    if size > self._limit:
                        raise self._too_large("Unpacked, the file has")
                    yield part
        except (EOFError, OSError, zlib.error) as error:
            raise UploadError("The gzip file is broken or incomplete.") from error


class _Reads:
    """What `encoding_of` reads from: parts, each given out whole."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def read(self, _size: int = -1) -> bytes:
        return next(self._parts, b"")


def _store(job: Job, upload: _Upload) -> dict[str, Any]:
    encoding = upload.encoding()
    facts: dict[str, Any] = {
        "encoding": encoding.removesuffix("-sig"),
        "notes": [CP1252_NOTE] if encoding == "cp1252" else [],
        "digest": upload.digest(),
    }
    pieces = size = 0
    for text in _pieces(upload.texts(encoding)):
        if not pieces:
            facts |= _read_head(text)
        content = text.encode("utf-8", "replace")
        ImportPiece.objects.create(job=job, number=pieces, content=content)
        pieces += 1
        size += len(content)
    if not pieces:
        raise UploadError("The file is empty.")
    return {**facts, "pieces": pieces, "bytes": size}


def _pieces(texts: Iterator[str]) -> Iterator[str]:
    """Cut text into pieces that end with a line where there is one to end with."""
    rest = ""
    for text in texts:
        rest += text
        while len(rest) >= PIECE_CHARACTERS:
            cut = rest.rfind("\n", 0, PIECE_CHARACTERS) + 1 or PIECE_CHARACTERS
            # Never between the two characters of one line end.
            cut -= rest[cut - 1] == "\r"
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def _read_head(text: str) -> dict[str, Any]:
    """Read what separates the cells, and the header, off the first piece."""
    named, skipped = separator_line(text)
    head = text[skipped : skipped + HEAD_CHARACTERS]
    delimiter = named or delimiter_of(head)
    buffer = io.StringIO(head, newline="")
    header: list[str] = []
    try:
        for row in csv.reader(buffer, delimiter=delimiter):
            if any(cell.strip() for cell in row):
                header = [cell.strip() for cell in row]
                break
    except csv.Error as error:
        raise UploadError("The first row is not a header of columns.") from error
    while header and not header[-1]:
        header.pop()
    if not header:
        raise UploadError("The file is empty.")
    if buffer.tell() == HEAD_CHARACTERS:
        raise UploadError("The first row is too long to be a header of columns.")
    if len(header) > MAX_COLUMNS:
        raise UploadError(f"The file has more than {MAX_COLUMNS} columns.")
    if any("\x00" in cell or len(cell) > 1000 for cell in header):
        raise UploadError("The first row is not a header of columns.")
    if any("@" in cell and "." in cell for cell in header):
        raise UploadError(
            "The first row holds an address. Put a row above it that names the "
            "columns, such as “email”."
        )
    start = len(text[: skipped + buffer.tell()].encode("utf-8", "replace"))
    return {"delimiter": delimiter, "header": header, "start": start}
