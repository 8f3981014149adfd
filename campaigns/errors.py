"""What cannot be done with a campaign, in the API's terms."""

from __future__ import annotations

from plunk.api.errors import BadRequest, Conflict, NotFound


class CampaignNotFound(NotFound):
    code = "CAMPAIGN_NOT_FOUND"

    def __init__(self, message: str = "There is no such campaign.") -> None:
        super().__init__(message)


class WrongState(Conflict):
    """The campaign is not in a state in which this can be done."""


class StaleCampaign(Conflict):
    """Somebody else has changed the campaign since it was read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"The campaign was changed meanwhile: it is version {version}."
        )
        self.version = version


class NobodyToSendTo(BadRequest):
    """The audience has no member who could get the campaign."""


class NotReady(BadRequest):
    """Something that every mail needs is missing."""
