from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project, User


class SegmentType(models.TextChoices):
    DYNAMIC = "DYNAMIC", "Dynamic"
    STATIC = "STATIC", "Static"


class Segment(models.Model):
    """A named part of a project's contacts: a rule, or a list kept by hand."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="segments", db_index=False
    )
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    type = models.CharField(
        max_length=7, choices=SegmentType.choices, default=SegmentType.DYNAMIC
    )
    condition = models.JSONField(
        null=True, blank=True, help_text="The filter tree of a dynamic segment."
    )
    track_membership = models.BooleanField(
        default=False, help_text="Whether coming in and going out are kept and told."
    )
    member_count = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField(null=True, blank=True)
    computed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Up to when the kept membership is right; empty: not yet computed.",
    )
    compared_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When all contacts, not only the changed ones, were last looked at.",
    )
    #: Counts claims and changes of the condition, and guards what a claim writes.
    attempt = models.PositiveIntegerField(default=0, db_default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="Why it could not be counted or computed the last time.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at", "-id"], name="segment_new"),
            models.Index(
                fields=["computed_at"],
                condition=Q(track_membership=True),
                name="segment_tracked",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SegmentMembership(models.Model):
    """A stay of a contact in a static or tracked segment; coming back is a new one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact",
        on_delete=models.CASCADE,
        related_name="memberships",
        db_index=False,
    )
    entered_at = models.DateTimeField(db_default=Now())
    exited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["segment", "contact"],
                condition=Q(exited_at__isnull=True),
                name="segment_member_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["segment", "-entered_at", "-id"], name="membership_new"
            ),
            models.Index(fields=["contact", "segment"], name="membership_of_contact"),
            models.Index(
                fields=["segment", "exited_at"],
                condition=Q(exited_at__isnull=False),
                name="membership_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.segment_id}"


class SavedView(models.Model):
    """Filters, order and columns of the contact list, under a name."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="saved_views"
    )
    user = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        help_text="Who saved it; every member sees it.",
    )
    name = models.CharField(max_length=60)
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "name"], name="saved_view_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
