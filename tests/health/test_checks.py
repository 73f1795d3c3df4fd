"""Judgement: facts written by hand, and what is said of them. Nothing here reads a disk or a network."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import Any

import pytest

from telekeep.errors import (
    AccountBanned,
    AuthKeyDuplicated,
    AuthKeyRevoked,
    ConfigError,
    FloodWait,
    ProtocolMismatch,
    SessionBusy,
    SessionCorrupt,
    SessionSealed,
    TelegramNetworkError,
    VaultRolledBack,
)
from telekeep.health.actions import Clear, Protect, RebuildLagging, Recheck, RestartDaemon, RollBack, in_order
from telekeep.health.check import Finding, Severity, exit_code, note, of_error, ok, warning, worst
from telekeep.health.checks import (
    authorization,
    backups,
    clocks,
    configuration,
    daemon,
    leases,
    ledger,
    network,
    permissions,
    programs,
    quarantine,
    repository,
    vault,
    versions,
)
from telekeep.health.checks.clocks import Reading
from telekeep.health.checks.leases import Held
from telekeep.health.checks.network import Knocked
from telekeep.health.checks.permissions import Found
from telekeep.health.checks.vault import Record
from telekeep.lease.holder import Holder
from telekeep.upstream.devices import Device, Devices

NOW = 1_800_000_000.0
DAY = 86_400.0


def severities(findings: list[Finding]) -> list[str]:
    return [each.severity.name for each in findings]


# ---- what a run of checks ends with


def test_the_first_of_the_worst_decides_how_a_command_ends() -> None:
    network_error = of_error("network", TelegramNetworkError())
    login_error = of_error("authorization", AuthKeyRevoked(), name="main")
    assert exit_code([]) == exit_code([ok("a", "well"), note("b", "worth knowing")]) == 0
    assert exit_code([ok("a", "well"), warning("b", "look", "Do.")]) == 8
    assert exit_code([warning("b", "look", "Do."), network_error, login_error]) == 5
    assert exit_code([login_error, network_error]) == 1
    assert worst([]) is Severity.OK


def test_a_finding_names_the_command_to_type_next_for_its_own_session() -> None:
    found = of_error("authorization", AuthKeyRevoked(), name="main")
    assert found.command == "telekeep auth main --replace"
    assert warning("p", "open", "Run: chmod 600 /h/key").command == "chmod 600 /h/key"
    assert warning("p", "open", "Run: git rm --cached .env; then end that login.").command == "git rm --cached .env"
    assert ok("p", "well").command is None


def test_a_session_that_somebody_uses_is_no_fault() -> None:
    assert of_error("authorization", SessionBusy(), name="main").severity is Severity.NOTE


def test_actions_come_once_and_the_daemon_last() -> None:
    mixed = [RestartDaemon(), RollBack("a", 1), Protect("/k", 0o600), RestartDaemon(), Clear("/s", "one"), Recheck("a")]
    kinds = [type(each).__name__ for each in in_order([*mixed, RebuildLagging()])]
    assert kinds == ["Protect", "Clear", "RollBack", "RebuildLagging", "Recheck", "RestartDaemon"]


# ---- each check


def test_configuration() -> None:
    missing = ConfigError("not set", remedy="Get them.")
    assert severities(configuration.judge(configuration.Facts(source="TELEGRAM_API_ID in .env"))) == ["OK"]
    assert severities(configuration.judge(configuration.Facts(error=ConfigError("a and b differ")))) == ["ERROR"]
    assert severities(configuration.judge(configuration.Facts(missing=missing))) == ["NOTE"]
    (lacking,) = configuration.judge(configuration.Facts(missing=missing, without=("main", "bot")))
    assert lacking.exit_code == 6 and "main, bot were kept" in lacking.words
    _, string = configuration.judge(configuration.Facts(source="x", string="TELEGRAM_SESSION in .env"))
    assert string.severity is Severity.NOTE and string.command == "telekeep import --name NAME"


@pytest.mark.parametrize(
    ("found", "severity", "action"),
    [
        (Found("/h", "folder", stat.S_IFDIR | 0o700, True), "OK", None),
        (Found("/h", "folder", stat.S_IFDIR | 0o750, True), "ERROR", Protect("/h", 0o700)),
        (Found("/k", "key file", stat.S_IFREG | 0o604, True), "ERROR", Protect("/k", 0o600)),
        (Found(".env", "settings", stat.S_IFREG | 0o644, True), "WARNING", Protect(".env", 0o600)),
        (Found("/k", "key file", stat.S_IFREG | 0o600, False), "ERROR", None),
        (Found("/k", "key file", stat.S_IFLNK | 0o777, True), "ERROR", None),
    ],
)
def test_permissions(found: Found, severity: str, action: Any) -> None:
    (judged,) = permissions.judge([found])
    assert (judged.severity.name, judged.action) == (severity, action)


def test_version_control() -> None:
    assert severities(repository.judge(repository.Facts(None))) == ["OK"]
    assert severities(repository.judge(repository.Facts("/w"))) == ["OK"]
    assert severities(repository.judge(repository.Facts("/w", not_ignored=(".env",)))) == ["NOTE"]
    assert severities(repository.judge(repository.Facts("/w", not_ignored=(".env",), there=True))) == ["WARNING"]
    (tracked,) = repository.judge(repository.Facts("/w", tracked=("a.session",)))
    assert tracked.exit_code == 6 and tracked.command == "git rm --cached a.session"
    many = repository.judge(repository.Facts("/w", tracked=tuple(f"{n}.session" for n in range(40))))
    assert len(many) == 1 and "37 more" in many[0].words and many[0].command == "git rm --cached FILE…"


def test_a_clock_that_differs_from_telegrams() -> None:
    now = Reading(NOW, 500.0, "boot-1")
    assert severities(clocks.judge(clocks.Facts(None, now))) == ["OK"]
    assert severities(clocks.judge(clocks.Facts(-29.0, now))) == ["OK"]
    (behind,) = clocks.judge(clocks.Facts(-365 * DAY, now))
    assert behind.severity is Severity.WARNING and "365 days behind" in behind.words
    (ahead,) = clocks.judge(clocks.Facts(45.0, now))
    assert "45 s ahead" in ahead.words


def test_a_clock_that_was_set_since_the_last_check() -> None:
    now = Reading(NOW, 5_000.0, "boot-1")
    steady = Reading(NOW - 1_000, 4_000.0, "boot-1")
    assert severities(clocks.judge(clocks.Facts(0.0, now, steady))) == ["OK"]
    (back,) = clocks.judge(clocks.Facts(0.0, now, Reading(NOW + DAY, 4_000.0, "boot-1")))
    assert "set back by 24.3 h" in back.words
    assert clocks.jumped(Reading(NOW + DAY, 4_000.0, "another boot"), now) is None


def test_network() -> None:
    dead = TelegramNetworkError("refused")
    assert severities(network.judge([Knocked(1, 0.02), Knocked(2, 0.03)])) == ["OK"]
    assert severities(network.judge([Knocked(1, error=dead), Knocked(2, 0.03, is_home=True)])) == ["WARNING"]
    assert severities(network.judge([Knocked(1, error=dead, is_home=True), Knocked(2, 0.03)])) == ["ERROR"]
    (none,) = network.judge([Knocked(1, error=dead), Knocked(2, error=dead)])
    assert none.exit_code == 5 and none.words.startswith("No data center answers")
    (slow,) = network.judge([Knocked(1, 20.0)])
    assert slow.severity is Severity.WARNING and "20.0 s" in slow.words
    assert network.skew([Knocked(1, 0.1, skew=1.0), Knocked(2, 0.1, skew=9e9), Knocked(3, 0.1, skew=2.0)]) == 2.0
    assert network.skew([Knocked(1, error=dead)]) is None


def test_a_damaged_record_names_the_generation_to_roll_back_to() -> None:
    broken = Record("main", newest=5, error=SessionCorrupt("its seal is broken"), whole=3)
    (finding,) = vault.judge(vault.Facts(records=(broken,)))
    assert (finding.exit_code, finding.action, finding.name) == (7, RollBack("main", 3), "main")
    assert finding.command == "telekeep recover main" and "generation 3" in str(finding.remedy)


def test_a_record_of_which_nothing_is_whole_needs_a_person() -> None:
    (finding,) = vault.judge(vault.Facts(records=(Record("main", newest=1, error=SessionCorrupt("gone")),)))
    assert finding.action is None and finding.command == "telekeep auth main --replace"


def test_an_older_copy_that_was_put_back_is_never_rolled_back_by_itself() -> None:
    put_back = Record("main", newest=5, error=VaultRolledBack("older"), whole=4)
    (finding,) = vault.judge(vault.Facts(records=(put_back,)))
    assert finding.action is None and finding.command == "telekeep vault accept"


def test_the_vault_as_a_whole() -> None:
    assert severities(vault.judge(vault.Facts(exists=False))) == ["NOTE"]
    assert severities(vault.judge(vault.Facts(records=(Record("main", newest=1),)))) == ["OK"]
    assert exit_code(vault.judge(vault.Facts(error=SessionCorrupt("no header")))) == 7
    assert exit_code(vault.judge(vault.Facts(moved=True))) == 6
    assert severities(vault.judge(vault.Facts(sealed=SessionSealed("no key")))) == ["NOTE"]
    (lagging,) = vault.judge(vault.Facts(broken=("lagging file",)))
    assert (lagging.severity, lagging.action) == (Severity.WARNING, RebuildLagging())
    (sessions,) = vault.judge(vault.Facts(broken=("vault",)))
    assert (sessions.exit_code, sessions.action) == (7, None)
    (older,) = vault.judge(vault.Facts(records=(Record("main", newest=4, damaged=(2,)),)))
    assert older.severity is Severity.NOTE


def held(**more: Any) -> Holder:
    fields = {"pid": 77, "created": 1.0, "boot_id": "b", "pid_namespace": "n", "host": "h", "user": "ada"}
    return Holder(**{**fields, "command": "python bot.py", "since": NOW - 60, "fence": 1, **more})


def test_leases() -> None:
    rows = [Held("a", None), Held("b", held(), "running"), Held("c", held(), "running", by_daemon=True)]
    findings = leases.judge(rows, now=NOW)
    assert [(each.name, each.severity.name) for each in findings] == [("b", "NOTE"), ("c", "OK"), (None, "OK")]
    assert "pid 77 of ada" in findings[0].words and "python bot.py" in findings[0].words
    (orphan,) = leases.judge([Held("b", held(), "gone")], now=NOW)
    assert orphan.severity is Severity.WARNING, "held although its holder is gone: somebody inherited it"
    (dark,) = leases.judge([Held("b", held(pid=0))], now=NOW)
    assert dark.severity is Severity.WARNING


def device(*, created: float, active: float = NOW - 60, app: str = "Telegram Desktop") -> Device:
    return Device(app, "PC", "192.0.2.1", "Utopia", created, active)


def test_authorization_says_who_else_is_logged_in() -> None:
    old, new = device(created=NOW - 30 * DAY), device(created=NOW - 3600, app="unknown")
    facts = authorization.Facts("main", NOW, user_id=5, username="ada", devices=Devices(None, (old,), 180, 365))
    valid, company = authorization.judge(facts)
    assert "user 5, @ada" in valid.words and "after 180 days" in valid.words
    assert company.severity is Severity.NOTE and "192.0.2.1" in company.words
    facts = authorization.Facts("main", NOW, user_id=5, devices=Devices(None, (new, old), 180, 365))
    assert authorization.judge(facts)[1].severity is Severity.WARNING, "a login of today may be a stranger's"
    assert len(authorization.judge(authorization.Facts("bot", NOW, user_id=7))) == 1
    ours = replace(facts, devices=Devices(None, (new._replace(hash=5), old), 180, 365), ours=frozenset({5}))
    assert "has 1 other login:" in authorization.judge(ours)[1].words, "what is kept here is no stranger"


def test_authorization_that_is_over_or_limited() -> None:
    (over,) = authorization.judge(authorization.Facts("main", NOW, AuthKeyRevoked()))
    assert (over.exit_code, over.error, over.action) == (1, "AuthKeyRevoked", None)
    (limited,) = authorization.judge(authorization.Facts("main", NOW, FloodWait(seconds=79_200)))
    assert limited.exit_code == 4
    assert limited.words.startswith("main is not asked about now: ") and "22.0 h" in limited.words
    (aside,) = authorization.left_alone(["main"])
    assert aside.severity is Severity.NOTE and "quarantine" in aside.words
    valid, unasked = authorization.judge(authorization.Facts("main", NOW, user_id=5, unasked="Wait 20 s."))
    assert valid.severity is Severity.OK and unasked.severity is Severity.NOTE and "Wait 20 s." in unasked.words
    (busy,) = authorization.judge(authorization.Facts("main", NOW, SessionBusy()))
    assert busy.severity is Severity.NOTE


def test_daemon() -> None:
    ours = ("1.0", "production")
    assert severities(daemon.judge(daemon.Facts(False, ours=ours))) == ["OK"]
    _, left = daemon.judge(daemon.Facts(False, ours=ours, left=("/run/daemon.toml",)))
    assert left.action == Clear("/run/daemon.toml", "a daemon that is gone")
    (killed,) = daemon.judge(daemon.Facts(False, ours=ours, left=("/run/daemon.toml",), lent=("main",)))
    assert killed.severity is Severity.WARNING and killed.action == RestartDaemon() and "loans of main" in killed.words
    (idle,) = daemon.judge(daemon.Facts(False, ours=ours, left=("/run/daemon.toml",), jobs=("night",)))
    assert idle.action == RestartDaemon() and "night does not run" in idle.words
    assert daemon.judge(daemon.Facts(False, ours=ours, jobs=("night",)))[0].severity is Severity.OK, "it was stopped"
    (well,) = daemon.judge(daemon.Facts(True, True, 9, "1.0", "production", ours=ours))
    assert well.severity is Severity.OK
    for facts in (
        daemon.Facts(True, False, 9, ours=ours),
        daemon.Facts(True, True, 9, "0.9", "production", ours=ours),
        daemon.Facts(True, pid=9, mismatch=ProtocolMismatch(), ours=ours),
    ):
        (bad,) = daemon.judge(facts)
        assert bad.severity is Severity.WARNING and bad.action == RestartDaemon()
        assert bad.command == "telekeep daemon restart"
    (other,) = daemon.judge(daemon.Facts(True, True, 9, "1.0", "test", ours=ours))
    assert other.severity is Severity.WARNING and other.action is None, "it may serve others on that network"


def test_versions() -> None:
    facts = versions.Facts("1.0", "1.45.0", 229, "3.11.7", "3.40.1", "0.6.0")
    (told,) = versions.judge(facts)
    assert "layer 229" in told.words
    without = versions.Facts("1.0", "1.46.1", None, "3.11.7", "3.40.1", None)
    assert severities(versions.judge(without)) == ["OK", "WARNING", "NOTE"]


def test_backups() -> None:
    assert backups.judge([], now=NOW) == []
    many = Record("main", newest=3, generations=3, saved_at=NOW - 3 * DAY)
    assert severities(backups.judge([many], now=NOW)) == ["OK"]
    bot = Record("bot", newest=1, saved_at=NOW)
    assert severities(backups.judge([many, bot], now=NOW)) == ["OK", "NOTE"]
    both = backups.Archive("b", NOW - 9 * DAY, {"main": 3, "bot": 1})
    assert severities(backups.judge([many, bot], [both], now=NOW)) == ["OK", "OK"]
    told = backups.judge([many, bot], [both, backups.Archive("a", NOW - DAY, {"main": 3})], now=NOW)
    assert "2 of 2 sessions" in told[1].words and "9 days" in told[1].words, "the age of the oldest that counts"


def test_backups_that_are_damaged_or_older_than_what_is_kept() -> None:
    main = Record("main", newest=3, generations=3, saved_at=NOW)
    (damaged,) = backups.judge([], [backups.Archive("x.telekeep", error="damaged")], now=NOW)
    assert damaged.severity is Severity.WARNING and "x.telekeep" in damaged.words
    *_, old = backups.judge([main], [backups.Archive("b", NOW - DAY, {"main": 2})], now=NOW)
    assert old.severity is Severity.NOTE and old.command == "telekeep backup"


def test_the_ledger_tells_how_long_until_when_and_what_goes_slower() -> None:
    """003-8."""
    over = ledger.Facts([ledger.Deadline("main", "messages.search", 0.0)])
    assert severities(ledger.judge(over)) == ["OK"]
    (long,) = ledger.judge(ledger.Facts([ledger.Deadline("main", "messages.search", 69_120.0, NOW + 69_120)]))
    assert long.exit_code == 4 and "messages.search: 19.2 hours remaining, until 20" in long.words
    assert long.command == "telekeep recover main --when-clear"
    (short,) = ledger.judge(ledger.Facts([ledger.Deadline("main", "messages.search", 20.0)]))
    assert short.severity is Severity.NOTE
    (chat,) = ledger.judge(ledger.Facts([ledger.Deadline("main", "messages.sendMessage", 3600.0, NOW, "channel 5")]))
    assert chat.severity is Severity.NOTE and "in channel 5" in chat.words, "one chat is not the session"
    (login,) = ledger.judge(ledger.Facts([ledger.Deadline("", "", 3600.0, NOW)]))
    assert (login.severity, login.name) == (Severity.WARNING, None) and "login" in login.words
    (slow,) = ledger.judge(ledger.Facts((), [ledger.Slowed("main", "messages.getHistory", 0.5)]))
    assert slow.severity is Severity.NOTE and "every 0.5 s" in slow.words


def test_quarantine_asks_once_more_and_says_what_was_seen() -> None:
    assert severities(quarantine.judge([])) == ["OK"]
    (set_aside,) = quarantine.judge([quarantine.Quarantined("main", AuthKeyRevoked(), 3600.0)])
    assert (set_aside.exit_code, set_aside.action) == (1, Recheck("main"))
    assert set_aside.command == "telekeep recover main"
    seen = quarantine.Quarantined(
        "main", AuthKeyDuplicated(), 3600.0, ("Seen by process 7.",), ("process 9 (python bot.py)",)
    )
    first, *told = quarantine.judge([seen])
    assert (first.error, first.action) == ("AuthKeyDuplicated", Recheck("main"))
    assert "find the second copy" in str(first.remedy)
    assert "Seen by process 7." in told[0].words and "process 9 (python bot.py)" in told[1].words
    assert all(each.severity is Severity.NOTE for each in told)


def test_a_key_that_was_asked_about_in_vain_is_a_persons_and_no_command_asks_for_ever() -> None:
    (again,) = quarantine.judge([quarantine.Quarantined("main", AuthKeyRevoked(), 60.0, asked_again=True)])
    assert (again.severity, again.action) == (Severity.ERROR, None)
    assert again.command == "telekeep auth main --replace"
    (banned,) = quarantine.judge([quarantine.Quarantined("main", AccountBanned(), 60.0, asked_again=True)])
    assert "recover@telegram.org" in str(banned.remedy) and banned.command is None
    (once,) = quarantine.judge([quarantine.Quarantined("main", AuthKeyRevoked(), 60.0, is_sure=False)])
    assert (once.severity, once.action) == (Severity.WARNING, None)


def test_programs() -> None:
    served = [programs.Served(149, "Telethon 1.26", 600, 12), programs.Served(229, "Telethon 1.45", 800, 0)]
    assert severities(programs.judge(served)) == ["NOTE", "OK"]
    (brief,) = programs.judge([each._replace(methods=None, refused=None) for each in served])
    assert "2 layers" in brief.words and "Telethon 1.26 to Telethon 1.45" in brief.words
    assert programs.judge([]) == []


def test_what_is_gone_is_put_back_from_a_backup_before_somebody_logs_in_again() -> None:
    broken = Record("main", newest=1, error=SessionCorrupt("gone"))
    (finding,) = vault.judge(vault.Facts(records=(broken,), spares={"main": 0.0}))
    assert "telekeep restore main" in finding.remedy and "auth" not in finding.remedy
    (finding,) = vault.judge(vault.Facts(records=(broken,), spares={"other": 0.0}))
    assert "telekeep auth main" in finding.remedy
    (finding,) = vault.judge(vault.Facts(exists=False, spares={"main": 0.0, "other": 0.0}))
    assert finding.severity.name == "ERROR" and "main, other" in finding.remedy
