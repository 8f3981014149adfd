"""A mail shown again: as it left, or as it would leave now if it has not."""

from __future__ import annotations

from django.conf import settings

from contacts.links import manage_url, unsubscribe_url
from transactional.compiling import compiled_content, stored_compiled
from transactional.manuscripts import Manuscript
from transactional.marketing import MANAGE_URL, SUBSCRIBE_URL, UNSUBSCRIBE_URL
from transactional.models import Content, Email
from transactional.presets import preset_of
from transactional.rendering import Compiled, Rendered, render, scope


def preview(email: Email) -> Rendered:
    """Render a mail again: as it left, or as it would leave now if it has not."""
    return render(
        _compiled(email),
        scope(
            contact_id=email.contact_id,
            address=email.to_email,
            data=email.contact.data if email.sent_at is None else None,
            variables=email.variables,
            links=_links_to_show(email),
        ),
    )


def _compiled(email: Email) -> Compiled:
    if email.compiled is not None:
        return stored_compiled(email.compiled)
    content: Content = email.content
    preset = preset_of(email.project)
    manuscript = Manuscript(
        subject=content.subject,
        body=content.body,
        text=content.text,
        preheader=content.preheader,
        style=content.style,
        kind=email.kind,
        language=preset.language_of(email.contact.data),
        look=preset.look,
    )
    return compiled_content(content.pk, manuscript)


def _links_to_show(email: Email) -> dict[str, str]:
    """Return a mail's links for those who only look at it.

    The one that subscribes proves who has read the mail: it is for nobody else's eyes.
    """
    ids = {
        "project_id": email.project_id,
        "contact_id": email.contact_id,
        "email_id": email.pk,
    }
    return {
        UNSUBSCRIBE_URL: unsubscribe_url(**ids),
        MANAGE_URL: manage_url(**ids),
        SUBSCRIBE_URL: f"{settings.APP_URI}/subscribe/…",
    }
