"""Contacts out of a file: read, mapped, tried out, written, resumed after any crash.

    job = store_upload(project_id=…, file=…, name="people.csv", user=…)   # a draft
    shown = preview(job)                                                # guesses, rows
    dry = try_out(job, columns=shown.columns, options=Options())        # a job, or
    start(job, columns=shown.columns, options=Options())                # the real one
    job = import_file(project_id=…, file=…, name=…)                     # all at once

What is wrong with a file is an UploadError (`TooLarge` where it is its size), what is
wrong with a mapping a MappingError; both speak to whoever imports. Files are binary,
open for reading and seekable. The figures in `job.counts` are those of finished chunks:
`rows = created + updated + unchanged + duplicates + rejected`, and beside them
`subscribed, unsubscribed, asked, released`. `done` and `total` count bytes of the file.
"""

from contacts.importing.mapping import Column, MappingError, Options, Target
from contacts.importing.people import made_by
from contacts.importing.previewing import Preview, preview
from contacts.importing.starting import (
    import_file,
    save_choices,
    start,
    try_out,
)
from contacts.importing.storing import TooLarge, UploadError, store_upload
from contacts.importing.tidying import discard, tidy
from contacts.importing.worker import ImportWorker

__all__ = [
    "Column",
    "ImportWorker",
    "MappingError",
    "Options",
    "Preview",
    "Target",
    "TooLarge",
    "UploadError",
    "discard",
    "import_file",
    "made_by",
    "preview",
    "save_choices",
    "start",
    "store_upload",
    "tidy",
    "try_out",
]
