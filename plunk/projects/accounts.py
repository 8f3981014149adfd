"""How people sign up and in: django-allauth, told our rules."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

logger = logging.getLogger(__name__)

#: Mail about accounts leaves beside the request: the time an answer takes must not tell
#: whether an address is known, and a provider that is down must not fail the page.
_posting = ThreadPoolExecutor(max_workers=2, thread_name_prefix="account-mail")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return not settings.DISABLE_SIGNUPS

    def is_safe_url(self, url: str) -> bool:
        """Return to pages of this dashboard only, whatever other hosts are allowed."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Link to the host that the operator named, not to the one a request claims."""
        uidb36, _, token = key.partition("-")
        path = reverse(
            "account_reset_password_from_key", kwargs={"uidb36": uidb36, "key": token}
        )
        return f"{settings.APP_URI}{path}"

    def send_mail(self, template_prefix: str, email: str, context: Any) -> None:
        message = self.render_mail(template_prefix, email, {"email": email, **context})
        _posting.submit(_post, message)


def _post(message: EmailMessage) -> None:
    try:
        message.send()
    except Exception:
        # Nobody waits for the outcome, so the log is the only place to say it.
        logger.exception("account mail was not sent")
