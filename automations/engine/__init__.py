"""The engine: what arrives begins runs and wakes them; what is due goes a step on.

`arrivals` and `advancing` are its two halves. Both claim rows by locking them, ask
`automations.entry` and `automations.deciding`, which are pure, and write what follows
in the same transaction: whoever is killed leaves everything as it was.
"""
