"""Mails of every sort, and the bytes that they become.

`cases.py` has what is sent, `html/` the documents of other tools, `golden/` the
messages as SES is given them. `python -m tests.transactional.corpus` writes the
messages anew: what it changes is what a change of the renderer does to the mails of
everybody.
"""

from __future__ import annotations
