"""News about mails, for the floors above.

All are sent once per event that SES reports, within the transaction that stores it,
with `email` (the `Email` as it is after the event) and `event` (its `EmailEvent`, whose
`detail` holds what SES said). `email_bounced` also carries `is_permanent` (bool).

`email_opened` and `email_clicked` carry `is_machine` (bool), as far as is known then:
a click in the same second may show later that a scanner was at work.

`email_complained` is not sent where the mailbox provider reports "not spam".
"""

from __future__ import annotations

from django.dispatch import Signal

email_sent = Signal()
email_delivered = Signal()
email_bounced = Signal()
email_complained = Signal()
email_opened = Signal()
email_clicked = Signal()
