"""What a campaign says, and the draft that mails are made of."""

from __future__ import annotations

from campaigns.models import Campaign, Variant
from transactional.contents import Draft


def variant_of(campaign: Campaign, run: int) -> Variant:
    """Return what a run of a campaign says: its own words, or those of the first."""
    rows = Variant.objects.filter(campaign=campaign, run__in=[1, run])
    variant = rows.order_by("-run", "position").first()
    if variant is None:
        variant = Variant.objects.create(campaign=campaign)
    return variant


def draft_of(variant: Variant) -> Draft:
    return Draft(
        variant.subject, variant.body, preheader=variant.preheader, style=variant.style
    )
