"""The simulator's endpoint, mounted at `simulator` without a slash.

An SDK whose endpoint is `http://host/simulator` posts its queries to exactly that path
and everything else below it.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from plunk.simulator import control, query, rest

urlpatterns: list[URLPattern | URLResolver] = [
    path("", query.actions),
    path("/", query.actions),
    path("/ctl", control.control),
    path("/SimpleNotificationService.pem", control.certificate),
    path("/v2/email/outbound-emails", rest.outbound_emails),
    path("/v2/email/account", rest.account),
    path("/v2/email/list-identities", rest.list_identities),
    path("/v2/email/identities", rest.email_identities),
    path("/v2/email/identities/<str:name>", rest.email_identity),
    path("/v2/email/identities/<str:name>/mail-from", rest.mail_from),
    path("/v2/email/suppression/addresses", rest.suppressed_destinations),
    path("/v2/email/suppression/addresses/<path:email>", rest.suppressed_destination),
    re_path(r"^/(?P<path>.*)$", rest.unknown),
]
