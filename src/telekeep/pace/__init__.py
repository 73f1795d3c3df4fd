"""When Telegram may be asked again. Every process obeys it without asking.

ledger     what a deadline is, and what keeps them: a protocol; `telekeep.testing.contracts.ledgers` says what it keeps
policy     pure: which of Telegram's answers say "not before", and how slowly a method is called after one
backoff    pure: how long to wait before the same is tried again
waiting    waiting such a time out, so that others can see it
gate       what one client asks before each request, and tells when Telegram has refused one
stores/    where deadlines are kept: in memory, or in a file that all processes of a home share
"""
