"""A body with every block that our own design knows."""

from __future__ import annotations

from transactional.manuscripts import Look, Manuscript
from transactional.models import MailKind, Style

#: A picture that needs no server: a cornfield, more or less.
PICTURE = (
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='1040'"
    " height='520'><rect width='1040' height='520' fill='%23dbe7f3'/>"
    "<circle cx='780' cy='150' r='70' fill='%23f7c65d'/><path d='M0 360 Q 260 250 520"
    " 350 T 1040 320 V 520 H 0 Z' fill='%237fa65a'/></svg>"
)
LOOK = Look(
    project="Acme Bakery",
    color="#0f766e",
    postal_address="12 Mill Lane, Ludlow SY8 1QF, United Kingdom",
)
KITCHEN_SINK = f"""
<h1>Good morning, {{{{ firstName ?? "there" }}}}</h1>
<p>The oven is warm and the <strong>spring flour</strong> has arrived. Here is what is
<em>new</em>, what is <u>back</u> and what is <s>sold out</s>; the whole story is
<a href="https://example.com/story?who={{{{ id }}}}">on our site</a>.</p>
<img src="{PICTURE}" alt="A field of rye under a low sun" width="1200"
 data-href="https://example.com/field">
<h2>Three loaves to try</h2>
<ul>
  <li><p>Rye with caraway, <code>72 hours</code> from field to crust</p></li>
  <li>Spelt with walnuts
    <ul><li>whole</li><li>sliced, on request</li></ul>
  </li>
  <li><span style="color:#b32318">The last of the winter stollen</span></li>
</ul>
<ol><li>Pick a loaf</li><li>Pick a day</li><li>Come by, we keep it warm</li></ol>
<a data-block="button" href="https://example.com/order?for={{{{ id }}}}">Reserve a
loaf</a>
<hr>
<h2>From the bakers</h2>
<blockquote><p>Good bread is flour, water, salt and the patience to leave it alone.</p>
<p>Mara, who starts at three</p></blockquote>
<div data-block="columns">
  <div data-block="column"><h3>Mornings</h3><p>Open from six, and the first rolls are
  out by then.</p><a data-block="button" href="https://example.com/a"
  data-color="#1f2937">See the hours</a></div>
  <div data-block="column"><h3>Evenings</h3><p>What is left at five goes for half, from
  the basket by the door.</p><a data-block="button" href="https://example.com/b"
  data-color="#fde68a">What is left</a></div>
</div>
<div data-block="columns">
  <div data-block="column"><img src="{PICTURE}" alt="Rye" width="160"><h3>Rye</h3>
  <p>Dark, dense, keeps a week.</p></div>
  <div data-block="column"><img src="{PICTURE}" alt="Spelt" width="160"><h3>Spelt</h3>
  <p>Mild, with a thin crust.</p></div>
  <div data-block="column"><img src="{PICTURE}" alt="Wheat" width="160"><h3>Wheat</h3>
  <p>White, for toast.</p></div>
</div>
<h3>Your loyalty card: 7 of 10</h3>
<div data-block="progress" data-percent="70"></div>
{{% if isMember %}}<p style="text-align:center">Thank you for being a member.</p>
{{% endif %}}
<h2>For those who bake at home</h2>
<pre><code>flour   500 g
water   350 g   # {{{{ waterNote ?? "a little more for rye" }}}}
salt     10 g</code></pre>
<div data-block="spacer" data-height="16"></div>
<div data-block="html"><table role="presentation" width="100%"
 cellpadding="0" cellspacing="0" border="0"><tr>
<td style="padding:12px;border:1px dashed #8a8a96;font-family:Georgia,serif">Raw
HTML, as it came.</td></tr></table></div>
<div data-block="spacer" data-height="24"></div>
<p dir="auto">שלום, וזו שורה מימין לשמאל.</p>
<p>Warmly,<br>the people at Acme Bakery</p>
"""


def manuscript(body: str = KITCHEN_SINK, **changes: object) -> Manuscript:
    values: dict[str, object] = {
        "subject": "The spring flour is here, {{ firstName ?? 'friend' }}",
        "preheader": "Three loaves to try, and one to say goodbye to",
        "style": Style.PLUNK,
        "kind": MailKind.MARKETING,
        "look": LOOK,
    }
    return Manuscript(body=body, **(values | changes))  # type: ignore[arg-type]
