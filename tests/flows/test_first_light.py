"""The first minute: one command, one mail, one event, both seen in the dashboard."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.running.processes import (
    answers,
    free_port,
    manage,
    migrated,
    post,
    running,
)

#: These start the embedded installation whatever the tests run on: once is enough.
pytestmark = pytest.mark.skipif(
    bool(os.environ.get("REDIS_URL")), reason="covered by the embedded run"
)


class Browser:
    """As much of a browser as a log-in and a look at pages need."""

    def __init__(self, url: str) -> None:
        self.url = url
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def look(self, path: str) -> str:
        """Return the page at `path`."""
        with self._opener.open(f"{self.url}{path}", timeout=30) as response:
            return str(response.read().decode())

    def submit(self, path: str, **fields: str) -> str:
        """Fill in the form at `path`, send it, and return the page that follows."""
        found = re.search(
            r'name="csrfmiddlewaretoken" value="([^"]+)"', self.look(path)
        )
        assert found
        fields["csrfmiddlewaretoken"] = found[1]
        with self._opener.open(
            f"{self.url}{path}", urllib.parse.urlencode(fields).encode(), timeout=30
        ) as response:
            return str(response.read().decode())


def test_the_first_minute_of_an_installation(tmp_path: Path) -> None:
    url, log = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "log"

    with running(*manage("run"), log=log, DATA_DIR=tmp_path, PORT=port) as it:
        it.until(lambda: answers(f"{url}/ready"))
        demo = json.loads((tmp_path / "demo.json").read_text())
        secret, public = demo["secret_key"], demo["public_key"]

        mail = {"to": "ada@example.com", "subject": "First light", "body": "<p>On</p>"}
        sent = post(f"{url}/v1/send", key=secret, body=mail)
        event = {"event": "signed-up", "email": "ada@example.com"}
        tracked = post(f"{url}/v1/track", key=public, body=event)

        browser = Browser(url)
        home = browser.submit(
            "/auth/login/", login=demo["email"], password=demo["password"]
        )
        project = f"/projects/{demo['project']}"
        it.until(lambda: "First light" in browser.look(f"{project}/inbox/"))
        email = sent[1]["emails"][0]["email"]
        it.until(lambda: ">Delivered<" in browser.look(f"{project}/emails/{email}/"))

        code = it.stop()
        left = it.left()

    assert sent[0] == 200
    assert sent[1]["emails"][0]["contact"]["email"] == "ada@example.com"
    assert tracked[0] == 200
    assert tracked[1]["contact"] == sent[1]["emails"][0]["contact"]["id"]
    assert "Demo" in home
    assert code == 0
    assert left == []
    assert "Traceback" not in it.printed()


def test_mail_accepted_before_a_stop_is_delivered_after_the_next_start(
    tmp_path: Path,
) -> None:
    url, log = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "log"
    # Slow enough to be stopped half-way.
    chosen = {
        "DATA_DIR": migrated(tmp_path),
        "PORT": port,
        "EMAIL_RATE_LIMIT_PER_SECOND": 4,
    }
    chosen["SIMULATOR_LOG"] = tmp_path / "sent"
    people = [f"reader-{number}@example.com" for number in range(20)]

    with running(*manage("run"), log=log, **chosen) as it:
        it.until(lambda: answers(f"{url}/ready"))
        demo = json.loads((tmp_path / "demo.json").read_text())
        mail = {"to": people, "subject": "Both lives", "body": "Hello"}
        status, _ = post(f"{url}/v1/send", key=demo["secret_key"], body=mail)
        it.until(lambda: (tmp_path / "sent").exists())
        code = it.stop()

    first_life = (tmp_path / "sent").read_text().splitlines()
    with running(*manage("run"), log=log, **chosen) as it:
        it.until(lambda: answers(f"{url}/ready"))
        browser = Browser(url)
        browser.submit("/auth/login/", login=demo["email"], password=demo["password"])
        page = f"/projects/{demo['project']}/emails/"
        it.until(lambda: _delivered(browser, page) == len(people))
        second_code = it.stop()

    calls = (tmp_path / "sent").read_text().splitlines()
    received = [address for it in calls for address in json.loads(it)["recipients"]]
    assert (status, code, second_code) == (200, 0, 0)
    assert sorted(received) == sorted(people)
    assert 0 < len(first_life) < len(people)


def _delivered(browser: Browser, page: str) -> int:
    rows = re.findall(
        r'id="email-[0-9a-f]{8}-', browser.look(f"{page}?status=delivered")
    )
    return len(rows)
