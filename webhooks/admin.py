from __future__ import annotations

from django.contrib import admin

from plunk.pages.administration import ReadOnlyAdmin
from webhooks.models import Notification


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = (
        "message_id",
        "type",
        "received_at",
        "applied_at",
        "attempts",
        "outcome",
    )
    search_fields = ("message_id__exact",)
    # By the primary key: the only index that covers all of the rows.
    ordering = ("pk",)
