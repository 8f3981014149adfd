"""What a domain is called, and which names nobody can send from."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from plunk.api.errors import invalid

#: Of a DKIM record's name, what stands before the domain: a token of 32 characters.
_BEFORE = len("0123456789abcdef0123456789abcdef._domainkey.")
MAX_LENGTH = 253 - _BEFORE
#: Where everybody has an address and nobody can publish a record.
PUBLIC_MAIL = frozenset(
    """
    126.com 163.com aim.com aol.com duck.com fastmail.com fastmail.fm foxmail.com
    gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk
    hotmail.com hotmail.de hotmail.fr hushmail.com icloud.com inbox.com laposte.net
    libero.it live.co.uk live.com live.de live.fr mac.com mail.com mail.ru mailbox.org
    me.com msn.com naver.com orange.fr outlook.com outlook.de outlook.fr passport.com
    pm.me posteo.de proton.me protonmail.ch protonmail.com qq.com rediffmail.com
    rocketmail.com seznam.cz sina.com t-online.de tuta.com tutanota.com useplunk.com
    useplunk.dev wanadoo.fr web.de yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com
    yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com
    zoho.com zohomail.com
    """.split()
)


def normalise_domain(text: str) -> str:
    """Return a domain's name in lower-case A-labels (IDNA 2008).

    Raises Invalid, field `domain`, for what is none, for what has no room for DKIM's
    records, and for the domains of public mail services.
    """
    name = text.strip().rstrip(".").lower()
    if "@" in name:
        raise invalid("domain", "Write what stands after the @ only.", "invalid_string")
    try:
        # A bound before the checker, whose work grows with the text.
        parts = validate_email(f"x@{name[:300]}", check_deliverability=False)
    except EmailNotValidError as error:
        raise invalid(
            "domain", "Is not a domain name such as mail.example.com.", "invalid_string"
        ) from error
    name = parts.ascii_domain.lower()
    if "." not in name or name.rpartition(".")[2].isdigit() or name.startswith("["):
        raise invalid(
            "domain", "Is not a domain name such as mail.example.com.", "invalid_string"
        )
    if len(name) > MAX_LENGTH:
        raise invalid(
            "domain",
            f"Has more than {MAX_LENGTH} characters, which leaves no room for the "
            "names of its records.",
            "too_big",
        )
    if is_public_mail(name):
        raise invalid(
            "domain",
            f"{name} belongs to a public mail service. Add a domain of your own, whose "
            "DNS records you can change.",
            "public_mail_domain",
        )
    return name


def is_public_mail(name: str) -> bool:
    """Say whether a domain, or one above it, is a public mail service's."""
    labels = name.split(".")
    return any(".".join(labels[at:]) in PUBLIC_MAIL for at in range(len(labels) - 1))
