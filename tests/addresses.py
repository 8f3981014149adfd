"""What each address of the installation is: open to everybody, or of a project.

`tests/test_strangers.py` fails for an address that is neither here nor among its own
endpoints.
"""

from __future__ import annotations

#: Addresses that belong to no project, and why that is right.
OPEN = {
    "home": "sends a visitor to log in, a user to a project of theirs",
    "project_new": "makes a project of one's own",
    "health": "tells probes that the process lives",
    "ready": "tells probes what is missing",
    "receive_sns": "Amazon's, by its signature; see tests/webhooks",
    "plunk.api.endpoints.unknown_route": "says to everybody that nothing is there",
    "plunk.simulator.query.actions": "Amazon in the box, where mail stays local",
    "plunk.simulator.control.control": "only where SIMULATOR_CONTROL is set",
    "plunk.simulator.control.certificate": "a public certificate",
    "plunk.simulator.rest.outbound_emails": "Amazon in the box",
    "plunk.simulator.rest.account": "Amazon in the box",
    "plunk.simulator.rest.list_identities": "Amazon in the box",
    "plunk.simulator.rest.email_identities": "Amazon in the box",
    "plunk.simulator.rest.email_identity": "Amazon in the box",
    "plunk.simulator.rest.mail_from": "Amazon in the box",
    "plunk.simulator.rest.unknown": "Amazon in the box",
    "account_login": "one's own account",
    "account_logout": "one's own account",
    "account_signup": "one's own account",
    "account_inactive": "one's own account",
    "account_change_password": "one's own account",
    "account_set_password": "one's own account",
    "account_reset_password": "a link goes to the account's address",
    "account_reset_password_done": "says that a link was sent",
    "account_reset_password_from_key": "by a link to one's own address",
    "account_reset_password_from_key_done": "says that it is done",
    "unsubscribe": "by a signed link that stands in a mail; see tests/contacts",
    "subscribe": "by a signed link that stands in a mail; see tests/contacts",
    "manage": "by a signed link that stands in a mail; see tests/contacts",
    "logo": "a picture that stands in mails",
    "unsubscribe_by_api": "by a signed link that stands in a mail",
    "api_public": "by the id of a link; masked, see tests/contacts/test_public_api.py",
    "api_public_subscribe": "by the id of a link",
    "api_public_unsubscribe": "by the id of a link",
    "api_public_snooze": "by the id of a link",
}

#: Pages of a project, and the things beside it that their addresses name.
PAGES: dict[str, tuple[str, ...]] = {
    "settings_general": (),
    "settings_keys": (),
    "settings_key_new": (),
    "settings_key_revoke": ("key_id",),
    "settings_key_regenerate": ("key_id",),
    "overview": (),
    "overview_activity": (),
    "contacts": (),
    "contact_new": (),
    "contacts_bulk": (),
    "contact_views": (),
    "contact_view": ("view_id",),
    "contact_edit": ("contact_id",),
    "contact": ("contact_id",),
    "contact_activity": ("contact_id",),
    "contact_subscription": ("contact_id",),
    "emails": (),
    "email": ("email_id",),
    "email_html": ("email_id",),
    "inbox": (),
    "inbox_message": ("message_id",),
    "inbox_html": ("message_id",),
    "inbox_raw": ("message_id",),
    "inbox_react": ("message_id",),
    "inbox_attachment": ("message_id", "number"),
}
