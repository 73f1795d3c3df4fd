"""What is known of the logins of an account, and of our own sessions among them. Values only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

STRANGER: Final = "stranger"
CLONE: Final = "clone"
BASELINE, SEEN, OURS, ALARMED = "baseline", "seen", "ours", "alarm"


@dataclass(frozen=True, slots=True)
class Known:
    """A login that was seen before. Times in wall-clock seconds.

    ``hash``: its `Device.hash`, 0 until another login has seen it. ``why`` it is known: there at the first look
    ("baseline"), looked at by a person ("seen"), "ours", or reported ("alarm"). ``lease`` and ``name``: of the session
    that it is. ``addresses``: from which it was used. ``told_until``: of its uses, those up to then were reported.
    """

    created_at: float
    app: str = ""
    model: str = ""
    hash: int = 0
    why: str = BASELINE
    lease: str = ""
    name: str = ""
    first_seen: float = 0.0
    last_seen: float = 0.0
    active_at: float = 0.0
    addresses: tuple[str, ...] = ()
    told_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Register:
    """What is known of an account's logins; ``since`` the first look, in wall-clock seconds."""

    since: float
    logins: tuple[Known, ...] = ()

    def of(self, lease: str) -> Known | None:
        """The login that the session with this lease is."""
        return next((each for each in self.logins if each.lease == lease), None)

    def numbered(self, hash: int) -> Known | None:
        """The login of this hash."""
        return next((each for each in self.logins if hash and each.hash == hash), None)

    def facts(self) -> dict[str, Any]:
        """As JSON; `Register.of_facts` reads it back."""
        return {"since": self.since, "logins": [asdict(each) for each in self.logins]}

    @classmethod
    def of_facts(cls, facts: dict[str, Any]) -> Register:
        """Raises TypeError, KeyError or ValueError for what is none."""
        logins = (Known(**{**each, "addresses": tuple(each["addresses"])}) for each in facts["logins"])
        return cls(float(facts["since"]), tuple(logins))

    @property
    def addresses(self) -> frozenset[str]:
        """From where we ourselves have spoken to Telegram."""
        return frozenset(each for login in self.logins if login.lease for each in login.addresses)


@dataclass(frozen=True, slots=True)
class Ours:
    """A session that is kept here. ``made_at``: when its key was first kept; ``used_at``: its last use that we know of.

    ``is_quiet``: nobody can have used it since without telekeep's knowledge, as far as we are concerned: it is not held
    just now, and its key lies in no file.
    """

    name: str
    lease: str
    made_at: float
    used_at: float | None = None
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """``kind`` "stranger" or "clone"; ``name``: the session that saw it, or that was used; ``words``: one sentence."""

    kind: str
    name: str
    at: float
    words: str
    app: str = ""
    model: str = ""
    ip: str = ""
    country: str = ""
    created_at: float = 0.0
    active_at: float = 0.0
    hash: int = 0

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def acknowledged(register: Register, now: float) -> Register:
    """A person has looked: what was reported is known from now on."""
    logins = (
        replace(each, why=SEEN if each.why == ALARMED else each.why, told_until=max(each.told_until, now))
        for each in register.logins
    )
    return replace(register, logins=tuple(logins))
