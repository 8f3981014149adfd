"""A check of a campaign through the API."""

from __future__ import annotations

import pytest

from contacts import jobs
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people
from tests.conftest import NOBODY, Api

pytestmark = pytest.mark.django_db


def test_a_check_is_begun_and_read(
    api: Api, project: Project, make_campaign: MakeCampaign
) -> None:
    (ann, *_) = people(project, 3)
    path = f"/api/campaigns/{make_campaign(body='<p>{{ shoe }}</p>').pk}/preflight"

    before = api.get(path)
    begun = api.post(path, {})
    running = api.get(path).json()["data"]
    while jobs.work():
        continue
    done = api.get(path).json()["data"]

    assert before.status_code == 404
    assert (begun.status_code, running["status"]) == (202, "RUNNING")
    assert (done["status"], done["progress"], done["stale"]) == ("COMPLETED", 1, False)
    assert done["figures"]["taken"] == 3
    assert done["findings"][0]["code"] == "unknown_variable"
    assert done["samples"][0]["contactId"] == str(ann.pk)


def test_what_has_nothing_to_say_is_not_checked(
    api: Api, make_campaign: MakeCampaign
) -> None:
    path = f"/api/campaigns/{make_campaign(subject='').pk}/preflight"

    response = api.post(path, {})

    assert response.status_code == 400
    assert api.get(path).status_code == 404


def test_an_unknown_campaign_is_404(api: Api) -> None:
    response = api.post(f"/api/campaigns/{NOBODY}/preflight", {})

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "CAMPAIGN_NOT_FOUND"
