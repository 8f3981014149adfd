"""What is sent, and what is to arrive."""

from __future__ import annotations

from tests.transactional.corpus.making import Case, html_of
from transactional.attachments import File, clean_filename
from transactional.models import MailKind, Source, Style

MARKETING, HEADLESS = MailKind.MARKETING, MailKind.HEADLESS
FAMILY = "👩‍👩‍👧‍👦"
HEBREW, ARABIC = "שלום עולם", "مرحبا بالعالم"
BULK: dict[str, str | None] = {
    "precedence": "bulk",
    "auto-submitted": "auto-generated",
    "x-auto-response-suppress": "All",
    "list-unsubscribe-post": "List-Unsubscribe=One-Click",
}
NO_BULK: dict[str, str | None] = dict.fromkeys(BULK)
#: A picture of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
INVITATION = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
    b"UID:1@example.com\r\nDTSTART:20260301T090000Z\r\nSUMMARY:Review\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)
HOSTILE = (
    "../../etc/passwd.txt",
    'quote".pdf',
    "line\r\nX-Evil: 1.pdf",
    "nul\x00.pdf",
    "rtl\u202efdp.pdf",
    "x" * 300 + ".pdf",
    "naïve café 🎉.pdf",
    "semi;colon=1.pdf",
    "  spaces  .pdf. ",
    "=?utf-8?b?ZXZpbA==?=.pdf",
)
PARTS = """<p>Sections</p>
{% for item in items %}<li>{{ forloop.index }}. {{ item.name }}: {{ item.price }}</li>
{% endfor %}{% if total > 10 %}<b>Much</b>{% else %}<b>Little</b>{% endif %}
"""
BLOCKS = """<h1>Spring news</h1>
<p style="text-align:center">Hello {{ firstName ?? there }}</p>
<a data-block="button" href="https://example.com/spring?a=1&amp;b=2">Look</a>
<div data-block="columns"><div data-block="column"><p>Left</p></div>
<div data-block="column"><p>Right</p></div></div>
<div data-block="progress" data-percent="40"></div>
<div data-block="spacer" data-height="24"></div>
<div data-block="html"><table><tr><td>As it is</td></tr></table></div>
"""
HUGE_CSS = (
    "<!DOCTYPE html>\n<html><head><style>\n"
    + "".join(
        f".rule-{i} > td, #id-{i} {{ color: #{i:06x}; padding: {i}px }}\n"
        for i in range(400)
    )
    + "</style></head><body>"
    + "".join(f'<p style="margin:{i}px;color:#{i:06x}">Line {i}</p>' for i in range(90))
    + "</body></html>\n"
)
OUTLOOK = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml">
<head><!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]--></head>
<body><!--[if !mso]><!--><p>Not Outlook</p><!--<![endif]-->
<v:roundrect xmlns:v="urn:x" arcsize="8%"/><br/><![CDATA[ x < y ]]>&nbsp;&copy;&#128512;
</body></html>
"""


def _pdf(name: str) -> File:
    return File(name, "application/pdf", "", is_inline=False, data=b"%PDF-\x00\xff\r\n")


def _logo(reference: str = "logo") -> File:
    return File(f"{reference}.png", "image/png", reference, is_inline=True, data=PNG)


def _calendar() -> File:
    kind = "text/calendar; charset=utf-8; method=REQUEST"
    return File("", kind, "", is_inline=False, data=INVITATION, is_alternative=True)


ENVELOPES = [
    Case("plain", gets_html="<p>Hello</p>\n", gets_headers=NO_BULK),
    Case("subject_empty", subject="", gets_subject=""),
    Case("subject_emoji", subject=f"🎉 {FAMILY} für dich"),
    Case("subject_right_to_left", subject=f"{HEBREW} / {ARABIC}"),
    Case("subject_long", subject=("word " * 199).strip()),
    Case("subject_long_word", subject="x" * 998),
    Case("subject_long_unicode", subject="ü€🎉" * 300),
    Case("subject_like_an_encoded_word", subject="=?utf-8?q?evil?= and more"),
    Case("subject_spaces", subject="a  b   c"),
    Case(
        "subject_with_breaks",
        subject="a\u2028b\x0bc\x85d\r\nBcc: evil@example.com\x00e",
        gets_subject="a b c d Bcc: evil@example.com e",
    ),
    Case(
        "subject_filled_with_breaks",
        subject="Hi {{ name }}",
        data={"name": "x\r\nBcc: evil@example.com\u2029y"},
        gets_subject="Hi x Bcc: evil@example.com y",
    ),
    Case("name_specials", from_name='Doe, "Jo" (Sales) <x@y>'),
    Case("name_backslash", from_name="C:\\Doe; [x]", to_name="a.b@c"),
    Case("name_like_an_encoded_word", from_name="=?utf-8?b?ZXZpbA==?="),
    Case("name_long", from_name="N" * 200, to_name="Zoë " * 49 + "Zoë"),
    Case("name_family", from_name=FAMILY, to_name=f"{ARABIC} {FAMILY}"),
    Case("name_turned_round", from_name="moc.elpmaxe\u202e Support"),
    Case(
        "name_with_breaks",
        from_name="A\r\nBcc: evil@example.com",
        to_name="B\u2028C\x0c",
        gets_from_name="A Bcc: evil@example.com",
        gets_to_name="B C",
    ),
    Case("international_domains", to_email="ann@xn--bcher-kva.example", to_name="Ü"),
    Case(
        "reply_to_by_header",
        reply_to="unused@example.com",
        headers={"reply-to": "Zoë Ü <zoe@example.com>, b@example.com"},
        gets_headers={"reply-to": "Zoë Ü <zoe@example.com>, b@example.com"},
    ),
    Case(
        "headers_of_the_senders",
        headers={
            "X-Unicode": "Zoë 🎉",
            "X-Long": "word " * 190 + "end",
            "References": " ".join(f"<{n}.abc@mail.example.com>" for n in range(30)),
            "X-Breaks": "a\r\nX-Evil: 1\u2028b",
        },
        gets_headers={
            "x-unicode": "Zoë 🎉",
            "x-long": "word " * 190 + "end",
            "x-breaks": "a X-Evil: 1 b",
            "x-evil": None,
        },
    ),
]

KINDS = [
    Case("marketing", kind=MARKETING, gets_headers=BULK, in_html=["/unsubscribe/"]),
    Case("headless", kind=HEADLESS, gets_html="<p>Hello</p>\n"),
    Case(
        "headless_campaign",
        kind=HEADLESS,
        source=Source.CAMPAIGN,
        gets_html="<p>Hello</p>\n",
        gets_headers=BULK,
    ),
    Case(
        "transactional_with_a_way_out",
        body='<p><a href="{{ unsubscribeUrl }}">Out</a></p>',
        in_html=["https://plunk.example.com/unsubscribe/"],
        gets_headers={"list-unsubscribe-post": "List-Unsubscribe=One-Click"},
    ),
    Case(
        "marketing_with_list_headers_of_its_own",
        kind=MARKETING,
        headers={"list-unsubscribe": "<mailto:out@example.com>"},
        gets_headers={
            "list-unsubscribe": "<mailto:out@example.com>",
            "list-unsubscribe-post": None,
            "precedence": "bulk",
        },
    ),
    Case(
        "marketing_with_other_headers_of_ours_replaced",
        kind=MARKETING,
        headers={"PRECEDENCE": "list", "feedback-id": "a:b:c:mine1"},
        gets_headers={"precedence": "list", "feedback-id": "a:b:c:mine1"},
    ),
    *(
        Case(f"footer_{code.replace('-', '_')}", kind=MARKETING, language=code)
        for code in ("de", "ja", "hi", "bg", "zh-hant")
    ),
    Case(
        "counted_by_ourselves",
        body='<p><a href="https://example.com/?a=1&amp;b={{ x }}">Go</a></p>',
        data={"x": "ü &"},
        tracker="OWN",
        in_html=["https://plunk.example.com/t/c/", "https://plunk.example.com/t/o/"],
    ),
]

DOCUMENTS = [
    Case("document_of_outlook", body=OUTLOOK, gets_html=OUTLOOK),
    Case("document_with_huge_css", body=HUGE_CSS, gets_html=HUGE_CSS),
    *(
        Case(
            name,
            body=html_of(name),
            data={"firstName": "Zoë", "number": "A-17", "total": "12,50", "code": "1"},
            variables={"count": 3, "week": 9, "summary": "<b>raw</b>"},
            in_text=["https://"],
        )
        for name in ("react_email", "react_email_pretty", "mjml", "jsx_email")
    ),
    Case("designed", body=BLOCKS, style=Style.PLUNK, in_html=["Spring news", "there"]),
    Case(
        "designed_marketing",
        body=BLOCKS,
        style=Style.PLUNK,
        kind=MARKETING,
        preheader="What is new",
        language="fr",
        data={"firstName": "Zoë"},
        in_html=["What is new", "Zoë", "/unsubscribe/"],
        gets_headers=BULK,
    ),
]

TEXTS = [
    Case("text_alone", body="", text="Dear Ann,\n\n– bye\n", gets_html=""),
    Case(
        "text_alone_filled",
        body="",
        text="Hi {{ name }} <b>\r\nline\rend",
        data={"name": "<Zoë>"},
        gets_html="",
        gets_text="Hi <Zoë> <b>\nline\nend",
    ),
    Case("text_of_the_authors", body="<p>Rich</p>", text="Poor\n", gets_text="Poor\n"),
    Case("body_without_tags", body="One & two\nthree", in_html=["One &amp; two<br>"]),
    Case(
        "line_ends_of_every_sort",
        body="<pre>a\rb\nc\r\nd\r\r\ne</pre>",
        gets_html="<pre>a\nb\nc\nd\n\ne</pre>",
    ),
    Case("long_lines", body=f"<p>{'x' * 5000}</p>", gets_html=f"<p>{'x' * 5000}</p>"),
    Case(
        "body_like_a_message",
        body="<p>--=_a--\n.\nFrom x\nContent-Type: text/evil\n\n</p>",
        gets_html="<p>--=_a--\n.\nFrom x\nContent-Type: text/evil\n\n</p>",
    ),
    Case(
        "scripts_of_the_world",
        body=f"<p>{HEBREW} {ARABIC} {FAMILY} 漢字 ไทย \u2028 \u00ad</p>",
        gets_html=f"<p>{HEBREW} {ARABIC} {FAMILY} 漢字 ไทย \u2028 \u00ad</p>",
    ),
]

FILLED = [
    Case(
        "variables_that_attack",
        body="<p>{{ a }} {{ b }} {{ c }} {{ d.__class__ }}</p>",
        data={"a": "<script>x</script>", "b": "{{7*7}}", "c": "$& \\1", "d": "x"},
        gets_html="<p>&lt;script&gt;x&lt;/script&gt; {{7*7}} $&amp; \\1 </p>",
        in_text=["<script>x</script> {{7*7}} $& \\1"],
    ),
    Case(
        "lists_and_numbers",
        subject="{{ list }}",
        body="<ul>{{ list }}</ul><p>{{ one }} {{ big }} {{ yes }}</p>",
        data={"list": ["a", "ü & b"], "one": 1.0, "big": 1e300, "yes": True},
        gets_subject="a, ü & b",
        in_html=["<li>a</li>\n<li>ü &amp; b</li>", "<p>1 1"],
    ),
    Case(
        "sections",
        body=PARTS,
        variables={
            "items": [{"name": "Tea", "price": 3}, {"name": "<Pot>", "price": 20.5}],
            "total": 23.5,
        },
        in_html=["1. Tea: 3", "2. &lt;Pot&gt;: 20.5", "<b>Much</b>"],
    ),
    Case(
        "the_moment", body="<p>{{ now }}</p>", gets_html="<p>2026-01-02T03:04:05Z</p>"
    ),
    Case(
        "own_before_the_contacts",
        body="<p>{{ name }} {{ city }} {{ email }} {{ locale }} {{ subscribed }}</p>",
        data={"name": "old", "city": "Rome", "email": "evil@example.com"},
        variables={"name": "new"},
        gets_html="<p>new Rome ann@example.com en true</p>",
    ),
]

FILES = [
    Case("ten_hostile_names", files=[_pdf(clean_filename(name)) for name in HOSTILE]),
    Case(
        "inline_pictures",
        body='<img src="cid:logo"><img src="cid:two@x">',
        files=[_logo(), _logo("two@x")],
    ),
    Case(
        "everything_at_once",
        body='<img src="cid:logo">',
        files=[_pdf("a.pdf"), _logo(), _calendar(), _pdf("ü.pdf")],
    ),
    Case("invitation", files=[_calendar()]),
    Case("invitation_with_text_alone", body="", text="Come\n", files=[_calendar()]),
    Case(
        "text_alone_with_files", body="", text="See\n", files=[_pdf("a.pdf"), _logo()]
    ),
    Case(
        "type_that_is_no_file",
        files=[
            File("m.eml", "message/rfc822", "", is_inline=False, data=b"From: x\n\n")
        ],
    ),
]

CASES = [*ENVELOPES, *KINDS, *DOCUMENTS, *TEXTS, *FILLED, *FILES]
