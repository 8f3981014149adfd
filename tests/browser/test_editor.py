"""Writing a template: blocks and code, variables, preview, tests, and two who write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Picture

from plunk.projects.models import Project, User
from tests.browser.conftest import NARROW, Visitor, width_of
from tests.pages.rows import make_contact
from transactional import delivery
from transactional.gallery import GALLERY
from transactional.models import Email, SavedBy, Style, Template
from transactional.templates import change, create

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.django_db(transaction=True)

KITCHEN_SINK = (Path(__file__).parent / "kitchen_sink.html").read_text()
Made = Callable[..., Template]

#: What a body is to the editor: as it is saved untouched, as it is written anew, and
#: whether writing it anew twice makes a difference.
_ROUND_TRIP = """([body]) => {
  const {editor} = document.querySelector('[data-editor]').plunkEditor;
  editor.load(body);
  const untouched = editor.body, anew = editor.rewritten, strange = editor.strange;
  editor.load(anew);
  return {untouched, anew, again: editor.rewritten, strange};
}"""


@pytest.fixture
def made(project: Project) -> Made:
    """Make a template with a body."""

    def _made(body: str = "<p>Hello</p>", **written: Any) -> Template:
        make_contact(project, "ada@example.com", data={"firstName": "Ada"})
        values = {"name": "Welcome", "subject": "Hi", "body": body} | written
        return create(project_id=project.pk, written=values, saved_by=SavedBy.PAGE)

    return _made


def edit(visitor: Visitor, template: Template) -> Page:
    """Open a template in the editor."""
    path = f"/projects/{template.project_id}/templates/{template.pk}/edit/"
    page = visitor.visit(path)
    page.locator("[data-editor][data-ready]").wait_for()
    return page


def text_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Body of the mail")


def begin(page: Page) -> None:
    """Empty the text and put the cursor into it."""
    text_of(page).click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")


def body_of(page: Page) -> str:
    found = page.evaluate(
        "document.querySelector('[data-editor]').plunkEditor.fields().body"
    )
    return str(found)


def save(page: Page) -> None:
    page.keyboard.press("Control+s")
    page.locator("[data-state][data-saved=saved]").wait_for()


def forgive(visitor: Visitor, status: str) -> None:
    """Leave out the browser's own note of a refusal that was meant."""
    visitor.complaints[:] = [it for it in visitor.complaints if status not in it]


def test_writing_a_mail_with_the_keyboard_alone(member: Visitor, made: Made) -> None:
    template = made()
    page = edit(member, template)
    options = page.locator(".pop-list [role=option]")

    begin(page)
    page.keyboard.type("/head")
    options.first.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.type("Welcome {{fir")
    options.filter(has_text="firstName").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("Some **bold** words & {{ plan ?? free }}")
    page.keyboard.press("Enter")
    page.keyboard.type("/button")
    page.keyboard.press("Enter")
    page.keyboard.type("Go on")
    page.keyboard.press("Alt+Enter")
    page.keyboard.type("https://example.com/")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.keyboard.type("- One")
    page.keyboard.press("Enter")
    page.keyboard.type("Two")
    frame = page.frame_locator(".preview-frame:not(.is-coming)")
    frame.get_by_role("link", name="Go on").wait_for()
    save(page)

    template.refresh_from_db()
    assert template.version == 2
    assert template.body == (
        "<h1>Welcome {{ firstName }}</h1>\n"
        "<p>Some <strong>bold</strong> words &amp; {{ plan ?? free }}</p>\n"
        '<a data-block="button" href="https://example.com/" data-align="left">'
        "Go on</a>\n"
        "<ul><li>One</li><li>Two</li></ul>"
    )


def test_a_block_is_moved_by_dragging_and_by_keys(member: Visitor, made: Made) -> None:
    page = edit(member, made("<p>One</p><p>Two</p><h2>Three</h2>"))

    page.get_by_text("One", exact=True).hover()
    page.locator(".handle-grip").drag_to(
        page.get_by_role("heading", name="Three"), target_position={"x": 200, "y": 20}
    )
    dragged = body_of(page)
    # What was dropped is selected until the cursor goes elsewhere.
    page.locator(".block-panel").wait_for()
    page.get_by_text("Two", exact=True).click()
    page.locator(".block-panel").wait_for(state="hidden")
    page.keyboard.press("Alt+ArrowDown")
    moved = body_of(page)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")

    assert dragged == "<p>Two</p><h2>Three</h2>\n<p>One</p>"
    assert moved == "<h2>Three</h2>\n<p>Two</p>\n<p>One</p>"
    assert body_of(page) == "<p>One</p><p>Two</p><h2>Three</h2>"


def test_every_body_is_saved_as_it_was_if_nobody_touched_it(
    member: Visitor, made: Made
) -> None:
    page = edit(member, made())
    bodies = {sample.slug: sample.body for sample in GALLERY}
    bodies |= {"all": KITCHEN_SINK, "none": "", "words": "Hi {{ x }}\n\n<b>y</b>"}

    found = {name: page.evaluate(_ROUND_TRIP, [it]) for name, it in bodies.items()}

    for name, body in bodies.items():
        assert found[name]["untouched"] == body, name
        assert found[name]["again"] == found[name]["anew"], name
    # The gallery is made of blocks that can be edited; odd HTML stays letter by letter.
    assert {name: it["strange"] for name, it in found.items() if it["strange"]} == {
        "all": 5,
        "receipt": 1,
        "sign-in-code": 1,
    }
    anew = found["all"]["anew"]
    assert anew.split() == KITCHEN_SINK.split()


def test_changing_one_block_leaves_the_others_as_they_were(
    member: Visitor, made: Made
) -> None:
    strange = "<p  class=x>Odd</p >\n\n\n<TABLE><tr>{% for i in x %}<td>{{i}}"
    strange += "{% endfor %}</TABLE>"
    page = edit(member, made(f"<p>Mine</p>\n{strange}"))

    page.get_by_text("Mine", exact=True).click()
    page.keyboard.press("End")
    page.keyboard.type(" now")

    assert body_of(page) == f"<p>Mine now</p>\n{strange}"


def test_a_variable_gets_a_fallback_in_its_panel(member: Visitor, made: Made) -> None:
    page = edit(member, made("<p>Hi {{ firstName }}!</p>"))

    page.locator(".chip").click()
    page.get_by_label("If empty").fill("you")
    page.keyboard.press("Enter")

    assert body_of(page) == "<p>Hi {{ firstName ?? you }}!</p>"


def test_an_address_with_a_variable_in_it_becomes_one_link(
    member: Visitor, made: Made
) -> None:
    page = edit(member, made())
    address = "https://example.com/?a={{ id }}&b=2"

    begin(page)
    page.keyboard.type(f"See {address} now")

    href = address.replace("&", "&amp;")
    assert body_of(page) == f'<p>See <a href="{href}">{href}</a> now</p>'


def test_a_picture_is_uploaded_into_the_mail(
    member: Visitor, made: Made, installation: str, tmp_path: Path
) -> None:
    page = edit(member, made("<p>Before</p>"))
    file = tmp_path / "our-logo.png"
    Picture.new("RGB", (800, 20), "navy").save(file, "PNG")

    page.get_by_text("Before", exact=True).click()
    page.keyboard.press("End")
    page.locator("input[type=file]").set_input_files(files=[file])
    page.locator(".mail-image img").wait_for()

    assert re.fullmatch(
        rf'<p>Before</p>\n<img src="{installation}/media/[0-9a-f-]+\.png"'
        ' alt="our logo" width="600">',
        body_of(page),
    )


def test_the_linter_complains_about_code_until_it_is_mended(
    member: Visitor, made: Made
) -> None:
    page = edit(member, made("<p>Hi</p>"))

    page.locator(".aside-tabs [data-tab=settings]").click()
    page.get_by_label("Own HTML").check()
    page.get_by_role("button", name="The text alone").click()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    # The end tag comes by itself.
    page.keyboard.type("\n<p>{% if x %}yes")
    complaint = page.locator(".finding-error").first
    complaint.wait_for()
    page.locator(".cm-lint-marker-error").first.wait_for()
    page.locator(".cm-content").press("Control+s")
    page.locator("[data-error=body]").filter(has_text="line").wait_for()
    complaint.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("{% endif %}")
    page.locator(".finding-error").first.wait_for(state="detached")
    save(page)

    forgive(member, "422")
    saved = Template.objects.get()
    assert saved.style == Style.HTML
    assert saved.body == "<p>Hi</p>\n<p>{% if x %}yes</p>{% endif %}"


def test_the_design_can_be_taken_over_and_left_again(
    member: Visitor, made: Made
) -> None:
    body = "<p>Hi {{ firstName ?? there }}</p>"
    page = edit(member, made(body))

    page.locator(".aside-tabs [data-tab=settings]").click()
    page.get_by_label("Own HTML").check()
    page.get_by_role("button", name="With the design").click()
    page.locator(".cm-content").wait_for()
    whole = body_of(page)
    page.get_by_role("button", name="Undo").last.click()
    text_of(page).wait_for()

    assert "<!doctype html>" in whole.lower()
    assert "{{ firstName ?? there }}" in whole
    assert "unsubscribe" not in whole.lower()
    assert body_of(page) == body


def test_the_preview_is_of_the_contact_that_was_chosen(
    member: Visitor, made: Made, project: Project
) -> None:
    template = made("<p>Hi {{ firstName ?? there }}</p>")
    make_contact(project, "ben@example.com", data={"firstName": "Ben"})
    page = edit(member, template)
    frame = page.frame_locator(".preview-frame:not(.is-coming)")

    page.get_by_label("As contact").fill("ben@example.com")
    frame.get_by_text("Hi Ben").wait_for()
    page.get_by_role("button", name="Plain text").click()
    frame.locator("pre", has_text="Hi Ben").wait_for()
    page.get_by_role("button", name="Phone").click()
    frame.locator("p", has_text="Hi Ben").wait_for()

    assert page.evaluate("history.length") <= 2


def test_a_test_mail_arrives_in_the_inbox(
    member: Visitor, made: Made, base: str
) -> None:
    page = edit(member, made("<p>Saved</p>", subject="Fresh {{ firstName ?? news }}"))

    begin(page)
    page.keyboard.type("Not saved yet, {{ firstName ?? you }}")
    page.get_by_role("button", name="Test", exact=True).click()
    page.get_by_role("button", name="Send the test").click()
    page.get_by_text("On its way to alice@example.com").wait_for()
    delivery.drain(seconds=30)
    sent = Email.objects.get()
    inbox = member.visit(f"{base}/inbox/")
    inbox.get_by_text("Fresh").first.click()

    inbox.get_by_text("alice@example.com").first.wait_for()
    assert sent.to_email == "alice@example.com"
    text = inbox.frame_locator("iframe").locator("body").inner_text()
    assert "Not saved yet, " in text


def test_who_saves_second_is_asked_what_to_do(
    member: Visitor, made: Made, bob: User
) -> None:
    template = made("<p>First</p>")
    page = edit(member, template)

    begin(page)
    page.keyboard.type("Mine")
    change(template=template, written={"body": "<p>Bob’s</p>"}, saved_by=SavedBy.PAGE)
    page.keyboard.press("Control+s")
    page.get_by_role("link", name="Look at version 2").wait_for()
    page.get_by_role("button", name="Save mine as the newest").click()
    page.locator("[data-state][data-saved=saved]").wait_for()

    template.refresh_from_db()
    forgive(member, "409")
    assert (template.version, template.body) == (3, "<p>Mine</p>")
    assert template.versions.get(number=2).body == "<p>Bob’s</p>"


def test_what_was_not_saved_is_offered_again(member: Visitor, made: Made) -> None:
    template = made("<p>Saved</p>")
    page = edit(member, template)

    begin(page)
    page.keyboard.type("Lost?")
    page.get_by_label("Subject", exact=True).fill("Another subject")
    page.locator("[data-state][data-saved=changed][data-kept]").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page = edit(member, template)
    offered = body_of(page)
    page.get_by_role("button", name="Restore them").click()
    text_of(page).get_by_text("Lost?").wait_for()

    assert offered == "<p>Saved</p>"
    assert body_of(page) == "<p>Lost?</p>"
    assert page.get_by_label("Subject", exact=True).input_value() == "Another subject"


def test_what_is_pasted_keeps_its_words_and_loses_its_styles(
    member: Visitor, made: Made
) -> None:
    page = edit(member, made())
    html = (
        '<b style="font-weight:normal"><p>First</p>'
        '<p style="margin:0;text-align:center">'
        '<span style="font-weight:700;color:#dc2626">Bold</span> {{ plan }}</p></b>'
    )

    begin(page)
    page.evaluate(
        """(html) => {
          const data = new DataTransfer();
          data.setData('text/html', html);
          document.querySelector('.mail').dispatchEvent(
            new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
        }""",
        html,
    )

    assert body_of(page) == (
        "<p>First</p>\n"
        '<p style="text-align:center"><strong><span style="color:#dc2626">Bold</span>'
        "</strong> {{ plan }}</p>"
    )


def test_the_editor_fits_a_phone(
    open_window: Callable[..., Visitor],
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
    made: Made,
) -> None:
    template = made(KITCHEN_SINK)
    page = edit(log_in(open_window(NARROW, has_touch=True), alice), template)
    tabs = page.locator(".editor-tabs")

    widths = {"write": width_of(page)}
    for tab in ("preview", "settings"):
        tabs.locator(f"[data-tab={tab}]").click()
        page.locator(f"[data-pane={tab}]").wait_for()
        widths[tab] = width_of(page)
    tabs.locator("[data-tab=write]").click()
    page.locator(".mail-button").first.click(position={"x": 8, "y": 8})
    page.locator(".block-panel").wait_for()
    widths["panel"] = width_of(page)

    assert set(widths.values()) == {NARROW["width"]}
