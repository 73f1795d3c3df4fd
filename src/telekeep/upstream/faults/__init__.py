"""What an error of Telegram's, of the line to it or of this machine is: the one border where errors are named.

By exact class: Telethon's families mix what ends a session with what is harmless (AuthKeyError is AUTH_KEY_DUPLICATED
and also UPDATE_APP_TO_LOGIN; UnauthorizedError is SESSION_REVOKED and also SESSION_PASSWORD_NEEDED).

naming     an error, named: `named` gives the error of ours, `judge` also its kind, seconds, method, data center, remedy
kinds      the six kinds there are, and of which kind an error of ours is
entries    what every error that is not about its own request means
requests   the errors that are about the request itself: an ordinary answer, for whoever asked
both       waits that are Telethon's error and ours at once
table      docs/errors.md, made from the above
"""

from telekeep.upstream.faults.both import flood_wait
from telekeep.upstream.faults.kinds import Kind, kind_of
from telekeep.upstream.faults.naming import DEAD, Fault, another, judge, named

__all__ = ["DEAD", "Fault", "Kind", "another", "flood_wait", "judge", "kind_of", "named"]
