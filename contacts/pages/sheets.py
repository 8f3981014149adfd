"""How a recipient's page looks: one sheet of paper with the sender's name on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from contacts import languages
from contacts.models import Contact
from contacts.pages import wording
from contacts.pages.wording import Speaker, Wording
from contacts.topics import TopicState
from contacts.visits import masked
from plunk.projects.branding import brand, brand_of, logo_url
from plunk.projects.models import Project


@dataclass(slots=True)
class Sheet:
    """What stands on a page; a part that is empty is not there."""

    words: Wording
    #: What the main button does.
    action: str = ""
    #: The main button is not what most people look for.
    is_quiet: bool = False
    #: The words are the answer to what was just done.
    is_news: bool = False
    undo: str = ""
    pausing: Wording | None = None
    keeping: Wording | None = None
    topics: Sequence[TopicState] = ()
    asking: Wording | None = None
    # Of the page to manage everything:
    state: str = ""
    is_in: bool = False
    joining: Wording | None = None
    leaving: Wording | None = None
    paused: Wording | None = None
    remark: str = ""
    notice: str = ""
    problem: str = ""
    status: int = 200
    template: str = "contacts/public/sheet.html"
    pauses: list[wording.Pause] = field(default_factory=wording.pauses)

    def render(
        self, request: HttpRequest, project: Project, *, is_preview: bool = False
    ) -> HttpResponse:
        """Show the sheet in the language that is spoken, and the project's colours."""
        logo = getattr(project, "logo", None)
        context = {
            "sheet": self,
            "sender": project.name,
            "website": project.url,
            "brand": brand_of(project),
            "logo": logo,
            "logo_url": logo_url(logo) if logo else "",
            "language": languages.html_tag_of(translation.get_language() or "en"),
            "is_preview": is_preview,
        }
        return render(request, self.template, context, status=self.status)


def brief_page(
    request: HttpRequest, words: Callable[[], Wording], *, status: int = 200
) -> HttpResponse:
    """Show a few words of nobody's to somebody whom we do not know."""
    header = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
    language = languages.of_browser(header)
    with languages.speaking(language):
        context = {
            "sheet": Sheet(words()),
            "brand": brand(""),
            "language": languages.html_tag_of(language),
        }
        return render(request, "contacts/public/sheet.html", context, status=status)


def speaker_of(contact: Contact) -> Speaker:
    return Speaker(contact.project.name, masked(contact.email))
