"""Who runs the mailbox of an address, as far as its domain tells."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.db.models.functions import StrIndex, Substr

#: By provider, the domains under which it gives addresses to everybody. A company's
#: own domain says nothing about who runs it and stands for itself.
DOMAINS: dict[str, tuple[str, ...]] = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Microsoft": (
        *("outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de"),
        *("outlook.fr", "hotmail.fr", "hotmail.co.uk", "hotmail.de", "hotmail.it"),
        *("hotmail.es", "live.fr", "live.nl", "live.co.uk", "windowslive.com"),
    ),
    "Yahoo and AOL": (
        *("yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "yahoo.co.uk"),
        *("yahoo.fr", "yahoo.de", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.co.in"),
        *("yahoo.com.br", "yahoo.co.jp", "aim.com"),
    ),
    "Apple iCloud": ("icloud.com", "me.com", "mac.com"),
    "GMX and Web.de": ("gmx.de", "gmx.net", "gmx.com", "gmx.at", "gmx.ch", "web.de"),
    "Telekom": ("t-online.de", "magenta.de"),
    "Proton": ("proton.me", "protonmail.com", "pm.me"),
    "Fastmail": ("fastmail.com", "fastmail.fm"),
    "Comcast": ("comcast.net", "xfinity.com"),
    "Orange": ("orange.fr", "wanadoo.fr"),
    "Free": ("free.fr",),
    "Libero": ("libero.it",),
    "Mail.ru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
    "Yandex": ("yandex.ru", "ya.ru", "yandex.com"),
    "Tencent QQ": ("qq.com", "foxmail.com"),
    "NetEase": ("163.com", "126.com"),
    "Naver": ("naver.com",),
    "Seznam": ("seznam.cz",),
    "Onet": ("onet.pl", "op.pl"),
    "WP": ("wp.pl", "o2.pl"),
}


def with_provider(rows: QuerySet[Any], column: str = "to_email") -> QuerySet[Any]:
    """Annotate rows with `provider`: of the address in a column, or else its domain."""
    domain = Substr(column, StrIndex(F(column), Value("@")) + 1)
    known = [
        When(domain__in=domains, then=Value(name)) for name, domains in DOMAINS.items()
    ]
    provider = Case(*known, default=F("domain"), output_field=CharField())
    found: QuerySet[Any] = rows.annotate(domain=domain).annotate(provider=provider)
    return found
