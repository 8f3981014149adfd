from __future__ import annotations

from django.contrib import admin

from plunk.pages.administration import LargeTableAdmin, ReadOnlyAdmin
from transactional.models import (
    Content,
    Domain,
    Email,
    EmailEvent,
    Hold,
    SendingAccount,
    Stream,
    Template,
)


@admin.register(Domain)
class DomainAdmin(LargeTableAdmin):
    list_display = ("name", "project", "verified_at", "checked_at")
    list_select_related = ("project",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)
    autocomplete_fields = ("project",)
    readonly_fields = ("created_at",)


@admin.register(Template)
class TemplateAdmin(LargeTableAdmin):
    list_display = ("name", "project", "kind", "updated_at")
    list_select_related = ("project",)
    list_filter = ("kind",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)
    autocomplete_fields = ("project",)
    readonly_fields = ("created_at", "updated_at")


@admin.register(Hold)
class HoldAdmin(LargeTableAdmin):
    """What keeps mail waiting; to delete one is to release it."""

    list_display = ("reason", "scope", "key", "since", "probe_at")
    ordering = ("-since", "-pk")
    readonly_fields = ("since",)


@admin.register(SendingAccount)
class SendingAccountAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "sent_24_hours", "max_24_hours", "quota_checked_at")


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    """Bulk mail that takes turns; a campaign's own pages open and stop it."""

    list_display = ("id", "project", "state", "from_domain", "created_at")
    list_select_related = ("project",)
    list_filter = ("state",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-pk",)


@admin.register(Content)
class ContentAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "project", "has_attachments", "created_at")
    list_select_related = ("project",)
    search_fields = ("id__exact",)
    ordering = ("-pk",)


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin):
    list_display = ("to_email", "project", "state", "source", "attempt", "created_at")
    list_select_related = ("project",)
    search_fields = ("id__exact", "message_id__exact", "project__id__exact")
    ordering = ("-pk",)
    raw_id_fields = ("contact", "content", "template")


@admin.register(EmailEvent)
class EmailEventAdmin(ReadOnlyAdmin):
    list_display = ("kind", "email", "project", "attempt", "at")
    list_select_related = ("project", "email")
    search_fields = ("id__exact", "email__id__exact")
    ordering = ("-pk",)
