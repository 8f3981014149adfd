from __future__ import annotations

from typing import ClassVar

from django.db import models


class ContactTally(models.Model):
    """A change of how many contacts a project has; all of them together are how many.

    On PostgreSQL, triggers on the contacts write them, in the transaction that changes
    the contacts and without waiting for anybody else's; `contacts.counting` adds them
    up and folds them together. Elsewhere there are none.
    """

    #: No foreign key: the last changes of a project outlive it, until they are folded.
    project_id = models.UUIDField()
    everybody = models.BigIntegerField()
    subscribed = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project_id"], name="contact_tally_of_project")
        ]

    def __str__(self) -> str:
        return f"{self.everybody:+} in {self.project_id}"
