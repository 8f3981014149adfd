from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project, User
from transactional.models.kinds import MailKind, Style


class Written(models.Model):
    """What somebody writes into a template, and what every version of it keeps."""

    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True, default="")
    subject = models.CharField(max_length=998)
    preheader = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="What an inbox shows after the subject.",
    )
    body = models.TextField()
    style = models.CharField(
        max_length=5, choices=Style.choices, default=Style.PLUNK, db_default=Style.PLUNK
    )
    kind = models.CharField(
        max_length=13, choices=MailKind.choices, default=MailKind.MARKETING
    )
    from_email = models.EmailField(blank=True)
    from_name = models.CharField(max_length=100, blank=True)
    reply_to = models.EmailField(blank=True)
    tracks = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether opens and clicks are counted; empty: as the project says.",
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


#: The fields of `Written`: what a save compares, keeps and copies.
WRITTEN_FIELDS = tuple(field.name for field in Written._meta.local_fields)


class TemplateQuerySet(models.QuerySet["Template"]):
    def existing(self) -> TemplateQuerySet:
        """Leave out the deleted ones, which only their mails still name."""
        return self.filter(deleted_at=None)


class Template(Written):
    """A reusable mail with variables, as it is now."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="templates", db_index=False
    )
    version = models.PositiveIntegerField(
        default=1, db_default=1, help_text="The number of its newest version."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", order, "id"], name=f"template_by_{name}")
            for order, name in (
                ("created_at", "created"),
                ("updated_at", "updated"),
                ("name", "name"),
            )
        ]


class SavedBy(models.TextChoices):
    """Which door a version came in by."""

    PAGE = "PAGE", "Editor"
    API = "API", "API"


class TemplateVersion(Written):
    """A template as it was saved once; never changed afterwards."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    template = models.ForeignKey(
        Template, on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField(help_text="1 is the first.")
    saved_by = models.CharField(
        max_length=4, choices=SavedBy.choices, default=SavedBy.PAGE
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["template", "number"], name="template_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"
