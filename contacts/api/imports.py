"""Contacts out of an uploaded file, and what became of it (contract 2.4)."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from contacts.api.bulk import begun, job_as_json, job_of
from contacts.importing import TooLarge as FileTooLarge
from contacts.importing import UploadError, import_file
from contacts.models import Job, JobKind, RejectedRow
from plunk.api import idempotency
from plunk.api.endpoints import read_bytes
from plunk.api.errors import BadRequest, TooLarge, UnsupportedMediaType, invalid
from plunk.api.idempotency import Answer
from plunk.api.resources import Resource

MAX_FILE = 5 * 1024 * 1024
#: The file with the lines that multipart puts around it, and a few fields beside it.
_MAX_BODY = MAX_FILE + 64 * 1024
_MOST_ERRORS = 100


class Import(Resource):
    """`POST /contacts/import`."""

    def post(self, request: Any) -> HttpResponse:
        file = read_file(self.django_request)
        content = file.read()
        done = idempotency.once(
            project_id=self.caller.project_id,
            key=idempotency.read_key(self.django_request, kind=self.caller.kind),
            request="POST /contacts/import",
            body={"sha256": hashlib.sha256(content).hexdigest()},
            work=lambda: self._import(file.name or "", content),
        )
        return self.answer(done.body, status=done.status, is_replay=done.is_replay)

    def _import(self, name: str, content: bytes) -> Answer:
        try:
            job = import_file(
                project_id=self.caller.project_id,
                file=io.BytesIO(content),
                name=name,
                max_bytes=MAX_FILE,
            )
        except FileTooLarge as error:
            raise TooLarge(str(error)) from error
        except UploadError as error:
            raise invalid("file", str(error), "invalid_file") from error
        return begun(job, "The import has been queued.")


class ImportJob(Resource):
    """`GET /contacts/import/:jobId`."""

    def get(self, request: Any, job_id: str) -> HttpResponse:
        job = job_of(self.caller.project_id, job_id, JobKind.IMPORT)
        data = {
            "operation": "import",
            "filename": job.parameters.get("name", ""),
            "isDryRun": bool(job.parameters.get("is_dry")),
        }
        return self.answer(job_as_json(job, result=import_result(job), data=data))


def import_result(job: Job) -> dict[str, Any]:
    """Return the figures of an import, and the first rows that were not taken."""
    counts = job.counts
    created, updated = counts.get("created", 0), counts.get("updated", 0)
    rejected = (
        RejectedRow.objects.filter(job=job)
        .order_by("number")
        .values_list("number", "email", "reason")[:_MOST_ERRORS]
    )
    return {
        "operation": "import",
        "totalRequested": counts.get("rows", 0),
        "successCount": created + updated,
        "createdCount": created,
        "updatedCount": updated,
        "unchangedCount": counts.get("unchanged", 0),
        "duplicateCount": counts.get("duplicates", 0),
        "failureCount": counts.get("rejected", 0),
        "errors": [
            {"row": number, "email": email or None, "error": reason}
            for number, email, reason in rejected
        ],
    }


def read_file(request: HttpRequest) -> UploadedFile[bytes]:
    """Return the file of a multipart body, of at most MAX_FILE bytes, in memory.

    Raises UnsupportedMediaType, TooLarge, BadRequest for a body that is broken or has
    too many parts, and Invalid where there is no such file.
    """
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType("The body must be multipart/form-data.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("A compressed body is not read.")
    raw = read_bytes(request, _MAX_BODY)
    meta = {**request.META, "CONTENT_LENGTH": str(len(raw))}
    parser_input = io.BytesIO(raw)
    try:
        parser = MultiPartParser(meta, parser_input, [_InMemory(request)], "utf-8")
        _, files = parser.parse()
    except RequestDataTooBig as error:
        raise TooLarge("The fields beside the file are too large.") from error
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise BadRequest("The multipart body cannot be read.") from error
    file = files.get("file")
    if not isinstance(file, UploadedFile):
        raise invalid("file", "Is required: a CSV file.", "required")
    if (file.size or 0) > MAX_FILE:
        raise TooLarge(f"A file may have {MAX_FILE // 1024 // 1024} MB.")
    return file


class _InMemory(MemoryFileUploadHandler):
    """Keeps a file in memory, whose size was looked at already."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True
