"""The rows that were not imported, as a file to mend and upload again."""

from __future__ import annotations

from collections.abc import Iterator

from contacts.importing.mapping import OWN_HEADERS
from contacts.models import Job, RejectedRow
from contacts.sheets import Sheet, cell

_BATCH = 1000


def rejected_csv(job: Job) -> Iterator[bytes]:
    """Give out row number, reason and the original cells, in the order of the file."""
    sheet = Sheet()
    header = [cell(name) for name in job.parameters.get("header", ())]
    sheet.write([[*OWN_HEADERS, *header]])
    last = 0
    while True:
        rows = list(
            RejectedRow.objects.filter(job=job, number__gt=last)
            .order_by("number")
            .values_list("number", "reason", "cells")[:_BATCH]
        )
        sheet.write(
            [number, cell(reason), *map(cell, cells)] for number, reason, cells in rows
        )
        yield sheet.take()
        if len(rows) < _BATCH:
            return
        last = rows[-1][0]
