"""How a project meets its recipients: look, language, double opt-in; and a preview."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contacts import languages
from contacts.links import Purpose
from contacts.models import Contact
from contacts.pages.recipients import look
from contacts.pages.settings_forms import AppearanceForm, initial_colors
from contacts.pages.sheets import speaker_of
from contacts.pages.turns import Turn
from contacts.visits import Visit
from plunk.pages.access import ProjectRequest, project_page, require_role
from plunk.projects.branding import brand_of, contrast, logo_url
from plunk.projects.changing import change_appearance
from plunk.projects.logos import remove_logo, save_logo
from plunk.projects.models import Logo, Project, Role


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def appearance(request: ProjectRequest) -> HttpResponse:
    """Show to every member, and let admins change, what recipients see."""
    project = request.project
    if request.method != "POST":
        return _show(request, _form_of(project))
    require_role(request, Role.ADMIN)
    form = AppearanceForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, form)
    _save(project, form)
    messages.success(request, "Saved.")
    return redirect("settings_appearance", project.pk)


@require_safe
@project_page
def preview(request: ProjectRequest) -> HttpResponse:
    """Show a page as a recipient sees it, with nothing on it that does anything."""
    project = request.project
    purpose = _purpose(request.GET.get("page", ""))
    language = languages.matching(request.GET.get("language")) or languages.of(
        None, project
    )
    contact = Contact(
        project=project,
        email="ada@example.com",
        subscribed=purpose is not Purpose.SUBSCRIBE,
    )
    visit = Visit(purpose, contact, is_signed=True)
    with languages.speaking(language):
        turn = Turn(visit, contact, QueryDict(), speaker_of(contact))
        return look(turn).render(request, project, is_preview=True)


def _purpose(page: str) -> Purpose:
    return Purpose(page) if page in set(Purpose) else Purpose.UNSUBSCRIBE


def _form_of(project: Project) -> AppearanceForm:
    return AppearanceForm(
        initial={
            **initial_colors(project.color),
            "language": languages.of(None, project),
            "double_opt_in": project.double_opt_in,
        }
    )


def _save(project: Project, form: AppearanceForm) -> None:
    chosen = form.cleaned_data
    change_appearance(
        project_id=project.pk,
        language=chosen["language"],
        color=chosen["color"],
        double_opt_in=chosen["double_opt_in"],
    )
    if chosen["logo"]:
        save_logo(project_id=project.pk, drawing=chosen["logo"])
    elif chosen["remove_logo"]:
        remove_logo(project_id=project.pk)


def _show(request: ProjectRequest, form: AppearanceForm) -> HttpResponse:
    project = request.project
    logo = Logo.objects.filter(pk=project.pk).defer("png").first()
    brand = brand_of(project)
    context = {
        "form": form,
        "may_change": request.membership.can(Role.ADMIN),
        "logo": logo,
        "logo_url": logo_url(logo) if logo else "",
        "brand": brand,
        "contrast": round(contrast(brand.fill, brand.on_fill), 1),
        "languages": languages.LANGUAGES.items(),
        "spoken": languages.of(None, project),
    }
    return render(request, "contacts/settings/appearance.html", context)
