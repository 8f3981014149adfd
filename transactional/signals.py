"""News about mails and templates, for the floors above.

Those of mails are sent once per event that SES reports, within the transaction that
stores it, with `email` (the `Email` as it is after the event) and `event` (its
`EmailEvent`, whose `detail` holds what SES said). `email_bounced` also carries
`is_permanent` (bool).

`email_opened` and `email_clicked` carry `is_machine` (bool), as far as is known then:
a click in the same second may show later that a scanner was at work.

`emails_told` is sent after those, once for all events that were applied together, with
`news` (a sequence of `News`): for whoever would otherwise ask the database about each.

`template_saved` is sent with `template` (as it is now) and `is_new` (bool) when one was
made or changed, `templates_deleted` with `project_id` and `template_ids`; both within
the transaction that does it.

`email_complained` is not sent where the mailbox provider reports "not spam".
"""

from __future__ import annotations

from dataclasses import dataclass

from django.dispatch import Signal

from transactional.models import Email, EmailEvent


@dataclass(frozen=True, slots=True)
class News:
    """One event of a mail; `is_machine` where a scanner opened it or clicked."""

    email: Email
    event: EmailEvent
    is_machine: bool = False


email_sent = Signal()
email_delivered = Signal()
email_bounced = Signal()
email_complained = Signal()
email_opened = Signal()
email_clicked = Signal()
emails_told = Signal()

template_saved = Signal()
templates_deleted = Signal()
