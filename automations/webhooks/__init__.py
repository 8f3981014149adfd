"""Outgoing webhooks: requests that a workflow's step owes to somebody else's server.

A step renders its request (`payload`) and queues it (`queueing`) in the transaction in
which the run goes on; workers sign and call it (`calling`), for a day where they must,
and everything that was tried can be read and played again (`replaying`).
"""
