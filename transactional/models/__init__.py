"""The tables about mail, one module for each thing that is kept about it."""

from __future__ import annotations

from transactional.models.accounts import (
    AccountList,
    AccountRelease,
    Hold,
    HoldScope,
    SendingAccount,
)
from transactional.models.contents import (
    Attachment,
    CompiledContent,
    Content,
    Image,
    LooseContent,
)
from transactional.models.emails import (
    UNFINISHED,
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    Lane,
    Source,
)
from transactional.models.identities import (
    Domain,
    SenderAddress,
)
from transactional.models.kinds import (
    MailKind,
    Style,
)
from transactional.models.streams import (
    TALLIED,
    TALLIED_BESIDE,
    TALLIED_DEEDS,
    TALLIED_STATES,
    EmailTally,
    Stream,
    StreamState,
)
from transactional.models.templates import (
    WRITTEN_FIELDS,
    SavedBy,
    Template,
    TemplateVersion,
    Written,
)

__all__ = [
    "TALLIED",
    "TALLIED_BESIDE",
    "TALLIED_DEEDS",
    "TALLIED_STATES",
    "UNFINISHED",
    "WRITTEN_FIELDS",
    "AccountList",
    "AccountRelease",
    "Attachment",
    "CompiledContent",
    "Content",
    "Domain",
    "Email",
    "EmailEvent",
    "EmailEventKind",
    "EmailState",
    "EmailTally",
    "Hold",
    "HoldScope",
    "Image",
    "Lane",
    "LooseContent",
    "MailKind",
    "SavedBy",
    "SenderAddress",
    "SendingAccount",
    "Source",
    "Stream",
    "StreamState",
    "Style",
    "Template",
    "TemplateVersion",
    "Written",
]
