from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest

from plunk.pages.administration import LargeTableAdmin, ReadOnlyAdmin
from plunk.projects.models import ApiKey, Membership, Project, User

# Log-ins are counted and slowed down at one door only.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Plunk"


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(User)
class UserAdmin(LargeTableAdmin):
    list_display = ("email", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email__startswith",)
    ordering = ("email", "pk")
    fields = ("email", "is_active", "is_staff", "is_superuser", "last_login")
    readonly_fields = ("last_login",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Accounts are made by sign-up or `manage.py create_user`, with a password."""
        return False


@admin.register(Project)
class ProjectAdmin(LargeTableAdmin):
    list_display = ("name", "url", "is_disabled", "created_at")
    list_filter = ("is_disabled",)
    search_fields = ("id__exact", "name")
    ordering = ("-created_at", "-pk")
    readonly_fields = ("created_at", "updated_at")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A project without keys and an owner would be of no use."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = (
        "__str__",
        "name",
        "project",
        "created_at",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("project",)
    list_filter = ("kind",)
    search_fields = ("id__exact", "project__id__exact")
    ordering = ("-created_at", "-pk")
    exclude = ("digest",)
