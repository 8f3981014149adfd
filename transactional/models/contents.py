from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models.kinds import Style


class Content(models.Model):
    """Subject, body and attachments, kept once however many mails carry them.

    The key is 128 bits of the SHA-256 of all of it and the project
    (`transactional.contents.content_id`), so that a second insert is a no-op.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="contents"
    )
    subject = models.TextField()
    preheader = models.TextField(blank=True, default="", db_default="")
    body = models.TextField(help_text="HTML, or text where it has no tag at all.")
    text = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The author's own plain text; empty: made of the body.",
    )
    style = models.CharField(
        max_length=5, choices=Style.choices, default=Style.HTML, db_default=Style.HTML
    )
    has_attachments = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.subject[:80]


class Attachment(models.Model):
    """A file of a content, in the order in which the sender gave it."""

    content = models.ForeignKey(
        Content, on_delete=models.CASCADE, related_name="attachments", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255)
    content_ref = models.CharField(
        max_length=255, blank=True, help_text="Content-ID of an inline part."
    )
    is_inline = models.BooleanField(default=False)
    is_alternative = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Another form of the text, such as an invitation to a calendar.",
    )
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["content", "position"], name="attachment_once"
            )
        ]

    def __str__(self) -> str:
        return self.filename


class LooseContent(models.Model):
    """A content that may have lost its last mail; `transactional.erasing` looks."""

    content = models.OneToOneField(
        Content, on_delete=models.CASCADE, primary_key=True, related_name="loose"
    )

    def __str__(self) -> str:
        return str(self.content_id)


class CompiledContent(models.Model):
    """What a content was made into before it was filled in: style, footer and text.

    Kept so that a mail can be shown again as it left, whatever has become of our
    design, of its languages and of the project's colours since. The key is a hash of
    all of it: the mails of a campaign share one for each language.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    content = models.ForeignKey(
        Content, on_delete=models.CASCADE, related_name="compiled"
    )
    html = models.TextField(  # noqa: DJ001 - empty is a mail without HTML
        null=True, blank=True, help_text="Null: the content's body, unchanged."
    )
    text = models.TextField(blank=True)
    app_uri = models.CharField(
        max_length=200, help_text="The address that its own links began with."
    )
    tracking_host = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="Where its links are counted, if this installation counts them.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return str(self.pk)


class Image(models.Model):
    """A picture for mails, as we drew it anew from what was uploaded."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="images", db_index=False
    )
    name = models.CharField(max_length=200, blank=True)
    content_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="In bytes.")
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the data.")
    data = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "digest"], name="image_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at", "-id"], name="image_new")
        ]

    def __str__(self) -> str:
        return self.name or str(self.pk)
