"""Keeping in step with the suppression list that SES holds for the whole account.

SES adds to its list what bounces for good or complains, whichever program sent the
mail, and throws away mail to whoever is on it. So its list is ours too, as far as it is
about people whom a project here knows; what bounced here is put on it; and an address
that the last project releases is taken off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from django.db import transaction
from django.db.models.functions import Now

from contacts.addresses import AddressError, normalise
from contacts.ledger import Act
from contacts.models import (
    ERASED_PREFIX,
    ChangeKind,
    ConsentChange,
    Contact,
    Door,
    Suppression,
    SuppressionReason,
)
from contacts.suppressions import suppress_all, suppressed
from plunk.projects.models import Project
from plunk.waking import wake_on_commit
from transactional.models import AccountList, AccountRelease
from transactional.ses import client

logger = logging.getLogger(__name__)

#: Says that a suppression came from the account's list.
SOURCE = "SES account-level suppression list"
_PAGE = 1000
#: What one run reads and tells at most; the next one goes on from there.
_PAGES_A_RUN = 200
_TOLD_A_RUN = 500
_RELEASED_A_RUN = 500
_PROJECTS = 100
#: How far a pass looks back behind the one before it: the clocks differ, and a row of a
#: slow transaction shows up late.
_OVERLAP = timedelta(minutes=10)

Listed = dict[str, tuple[SuppressionReason, datetime]]


def synchronise() -> None:
    """Bring both lists into step, as far as one run gets."""
    with _patience():
        release_due()
        _tell()
        _read()


def release_now() -> None:
    """Take off what was just released; what SES does not answer waits for its hour."""
    with _patience():
        release_due()


@contextmanager
def _patience() -> Iterator[None]:
    """Leave the rest to the next run where SES is away or does not let us."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        logger.warning(
            "suppression list of the account not synchronised",
            extra={"error": str(error)[:300]},
        )


def note_releases(*, project_id: UUID, emails: Sequence[str], **_: Any) -> None:
    """Remember to take addresses off SES's list, in the transaction that released them.

    SES is only asked afterwards; until it has answered, its list is not believed about
    them.
    """
    AccountRelease.objects.bulk_create(
        [AccountRelease(email=email) for email in emails], ignore_conflicts=True
    )
    wake_on_commit("transactional.tasks.release_account_suppressions")


# -- taking off -----------------------------------------------------------------------


def release_due() -> int:
    """Take released addresses off SES's list, unless a project suppresses them still.

    Raises what boto3 raises; an address leaves our notes only once it is done.
    """
    emails = AccountRelease.objects.order_by("created_at", "pk")
    done = 0
    for email in list(emails.values_list("pk", flat=True)[:_RELEASED_A_RUN]):
        if not _is_suppressed_anywhere(email):
            _take_off(email)
        AccountRelease.objects.filter(pk=email).delete()
        done += 1
    return done


def _is_suppressed_anywhere(email: str) -> bool:
    if Suppression.objects.filter(
        project_id__in=Project.objects.values("pk"), email=email
    ).exists():
        return True
    hashed = Suppression.objects.filter(email__startswith=ERASED_PREFIX)
    projects = hashed.order_by("project_id").values_list("project_id", flat=True)
    return any(suppressed(project_id, [email]) for project_id in projects.distinct())


def _take_off(email: str) -> None:
    """Take an address off the list; what SES does not have or know is off it."""
    ses = client("sesv2")
    try:
        ses.delete_suppressed_destination(EmailAddress=email)
    except (ses.exceptions.NotFoundException, ses.exceptions.BadRequestException):
        logger.info("a released address was not on SES's list")


# -- telling --------------------------------------------------------------------------


def _tell() -> None:
    """Put what bounced or complained here on SES's list, in the order of our ids."""
    state = _state()
    rows = Suppression.objects.filter(
        # Rows that are seconds old may still get neighbours with lower ids.
        created_at__lte=Now() - _OVERLAP,
    )
    if state.told_until:
        rows = rows.filter(pk__gt=state.told_until)
    for row in rows.order_by("pk")[:_TOLD_A_RUN]:
        if _is_worth_telling(row):
            _put(row)
        AccountList.objects.filter(pk=state.pk).update(told_until=row.pk)


def _put(row: Suppression) -> None:
    ses = client("sesv2")
    try:
        ses.put_suppressed_destination(EmailAddress=row.email, Reason=row.reason)
    except ses.exceptions.BadRequestException as error:
        # One address that SES does not take keeps no other from it.
        logger.warning(
            "SES does not list an address",
            extra={"suppression": str(row.pk), "error": str(error)[:300]},
        )


def _is_worth_telling(row: Suppression) -> bool:
    """Say whether SES wants to know: an operator's wish is one project's alone."""
    return (
        row.reason != SuppressionReason.MANUAL
        and row.source != SOURCE
        and not row.email.startswith(ERASED_PREFIX)
    )


# -- reading --------------------------------------------------------------------------


def _read() -> None:
    """Read what changed on SES's list, a page and a transaction at a time."""
    for _ in range(_PAGES_A_RUN):
        state = _state()
        if state.pass_began_at is None:
            AccountList.objects.filter(pk=state.pk).update(
                pass_began_at=Now(), next_token=""
            )
            state = _state()
        try:
            page = client("sesv2").list_suppressed_destinations(**_question(state))
        except ClientError:
            # A token of a pass that rested for long is refused: the pass begins anew.
            AccountList.objects.filter(pk=state.pk).update(pass_began_at=None)
            raise
        if not _take_in(state, page):
            return


def _question(state: AccountList) -> dict[str, Any]:
    asked: dict[str, Any] = {"PageSize": _PAGE}
    if state.read_until:
        asked["StartDate"] = state.read_until - _OVERLAP
    if state.next_token:
        asked["NextToken"] = state.next_token
    return asked


@transaction.atomic
def _take_in(state: AccountList, page: Any) -> bool:
    """Suppress a page's addresses and note how far we are; return if there is more."""
    token = page.get("NextToken") or ""
    if token:
        changes: dict[str, Any] = {"next_token": token}
    else:
        changes = {
            "next_token": "",
            "read_until": state.pass_began_at,
            "pass_began_at": None,
        }
    is_ours = AccountList.objects.filter(
        pk=state.pk, pass_began_at__isnull=False, next_token=state.next_token
    ).update(**changes)
    if not is_ours:
        return False  # somebody else reads the list too
    listed = _listed(page.get("SuppressedDestinationSummaries", []))
    released = AccountRelease.objects.filter(pk__in=list(listed))
    for email in released.values_list("pk", flat=True):
        del listed[email]
    projects = list(Project.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(projects) if listed else 0, _PROJECTS):
        _suppress(projects[start : start + _PROJECTS], listed)
    return bool(token)


def _listed(entries: Sequence[Any]) -> Listed:
    found: Listed = {}
    for entry in entries:
        try:
            email = normalise(str(entry["EmailAddress"]))
            found[email] = (SuppressionReason(entry["Reason"]), entry["LastUpdateTime"])
        except (AddressError, ValueError, KeyError):
            continue  # nobody here can have such an address
    return found


def _suppress(projects: Sequence[UUID], listed: Listed) -> None:
    """Suppress the addresses in those projects that have a contact with them.

    Not where an admin has released one since it came on the list.
    """
    known = list(
        Contact.objects.filter(project_id__in=projects, email__in=list(listed))
        .order_by("project_id", "pk")
        .values_list("project_id", "pk", "email")
    )
    if not known:
        return
    released = dict(
        ConsentChange.objects.filter(
            contact__in=[pk for _, pk, _ in known], kind=ChangeKind.RELEASED
        )
        .order_by("created_at")
        .values_list("contact_id", "created_at")
    )
    reasons: dict[UUID, dict[str, SuppressionReason]] = {}
    for project_id, pk, email in known:
        reason, since = listed[email]
        if pk not in released or released[pk] < since:
            reasons.setdefault(project_id, {})[email] = reason
    for project_id, of_project in reasons.items():
        suppress_all(
            project_id=project_id,
            reasons=of_project,
            source=SOURCE,
            act=Act(Door.FEEDBACK, SOURCE),
        )


def _state() -> AccountList:
    return AccountList.objects.get_or_create(pk=1)[0]
