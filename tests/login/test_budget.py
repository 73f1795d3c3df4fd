"""The login budget: counted before Telegram is asked, shared by processes, true over restarts and changed clocks."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telekeep.clock import Moment, age, rebased
from telekeep.errors import ConfigError, LoginBudgetSpent, StorageUnavailable
from telekeep.login.budget import CODES_PER_DAY, DAY, LoginBudget, Note, verdict
from telekeep.pace.stores.local import LocalLedger
from telekeep.testing.fakes import ManualClock

ADA = "production phone 9996621234"
BOB = "production phone 9996625678"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def budget(tmp_path: Path, clock: ManualClock) -> LoginBudget:
    return LoginBudget(tmp_path / "home" / "login.db", clock=clock)


def spend(budget: LoginBudget) -> None:
    for _ in range(CODES_PER_DAY):
        budget.count_code(ADA)


def test_the_sixth_code_of_a_day_is_refused_and_the_first_of_the_next_is_not(
    budget: LoginBudget, clock: ManualClock
) -> None:
    """001-F5: no re-login limit; each failed try sent a code."""
    spend(budget)
    clock.advance(3600)
    with pytest.raises(LoginBudgetSpent) as refused:
        budget.count_code(ADA)
    assert refused.value.seconds == pytest.approx(DAY - 3600)
    assert refused.value.until == pytest.approx(clock.wall() + DAY - 3600)
    clock.advance(DAY - 3600)
    budget.count_code(ADA)


def test_codes_fall_out_of_the_day_one_by_one(budget: LoginBudget, clock: ManualClock) -> None:
    for _ in range(CODES_PER_DAY):
        budget.count_code(ADA)
        clock.advance(600)
    clock.advance(DAY - 600 * CODES_PER_DAY)
    budget.count_code(ADA)
    with pytest.raises(LoginBudgetSpent) as refused:
        budget.count_code(ADA)
    assert refused.value.seconds == pytest.approx(600)


def test_a_refused_code_does_not_count(budget: LoginBudget, clock: ManualClock) -> None:
    spend(budget)
    for _ in range(3):
        with pytest.raises(LoginBudgetSpent):
            budget.count_code(ADA)
    clock.advance(DAY)
    spend(budget)


def test_numbers_do_not_pay_for_each_other(budget: LoginBudget) -> None:
    spend(budget)
    budget.count_code(BOB)


def test_a_spent_budget_stops_codes_and_not_what_needs_none(budget: LoginBudget) -> None:
    spend(budget)
    budget.check(ADA)
    with pytest.raises(LoginBudgetSpent):
        budget.count_code(ADA)


def test_a_flood_stops_everything_until_it_is_over(budget: LoginBudget, clock: ManualClock) -> None:
    """003-F2: the deadline was kept in memory and forgotten at once."""
    budget.note_flood(ADA, 79_200)
    clock.advance(79_199)
    for attempt in (budget.check, budget.count_code):
        with pytest.raises(LoginBudgetSpent) as refused:
            attempt(ADA)
        assert refused.value.seconds == pytest.approx(1)
    clock.advance(1)
    budget.count_code(ADA)


def test_a_shorter_flood_does_not_shorten_a_longer_one(budget: LoginBudget) -> None:
    budget.note_flood(ADA, 7200)
    budget.note_flood(ADA, 60)
    with pytest.raises(LoginBudgetSpent) as refused:
        budget.check(ADA)
    assert refused.value.seconds == pytest.approx(7200)


@pytest.mark.parametrize("shift", [-10 * 365 * DAY, -3600.0, 3600.0, 10 * 365 * DAY])
def test_a_changed_clock_neither_frees_nor_traps(budget: LoginBudget, clock: ManualClock, shift: float) -> None:
    budget.note_flood(ADA, 7200)
    clock.set_wall(clock.wall() + shift)
    clock.advance(7199)
    with pytest.raises(LoginBudgetSpent):
        budget.check(ADA)
    clock.advance(1)
    budget.check(ADA)


def test_a_restart_neither_frees_nor_traps(budget: LoginBudget, clock: ManualClock) -> None:
    budget.note_flood(ADA, 7200)
    clock.advance(1000)
    clock.reboot(down=200, boot=5)
    with pytest.raises(LoginBudgetSpent) as refused:
        budget.check(ADA)
    assert refused.value.seconds == pytest.approx(6000)
    clock.advance(6000)
    budget.check(ADA)


def test_a_clock_changed_after_a_restart_does_not_free_what_was_seen_before(
    budget: LoginBudget, clock: ManualClock
) -> None:
    budget.note_flood(ADA, 7200)
    clock.reboot(down=200, boot=5)
    with pytest.raises(LoginBudgetSpent):
        budget.check(ADA)
    clock.set_wall(clock.wall() + 365 * DAY)
    with pytest.raises(LoginBudgetSpent):
        budget.check(ADA)


def test_a_restart_into_the_past_ends_with_the_time_the_machine_has_run(
    budget: LoginBudget, clock: ManualClock
) -> None:
    budget.note_flood(ADA, 7200)
    clock.reboot(boot=30)
    clock.set_wall(0)  # a machine without a battery
    with pytest.raises(LoginBudgetSpent) as refused:
        budget.check(ADA)
    assert refused.value.seconds == pytest.approx(7170)
    clock.advance(7170)
    budget.check(ADA)


_COUNT = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.errors import LoginBudgetSpent
from telekeep.login.budget import LoginBudget
try:
    LoginBudget(Path(sys.argv[1]), clock=SystemClock()).count_code(sys.argv[2])
except LoginBudgetSpent:
    sys.exit(4)
"""


def test_processes_share_one_budget(tmp_path: Path) -> None:
    path = tmp_path / "home" / "login.db"
    running = [subprocess.Popen([sys.executable, "-c", _COUNT, str(path), ADA]) for _ in range(CODES_PER_DAY + 3)]
    codes = sorted(process.wait(60) for process in running)
    assert codes == [0] * CODES_PER_DAY + [4] * 3


def test_the_file_is_the_owners_alone_and_names_no_number(tmp_path: Path, budget: LoginBudget) -> None:
    budget.count_code(ADA)
    path = tmp_path / "home" / "login.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"9996621234" not in path.read_bytes()


def test_a_file_open_to_others_is_refused(tmp_path: Path, budget: LoginBudget) -> None:
    budget.count_code(ADA)
    (tmp_path / "home" / "login.db").chmod(0o644)
    with pytest.raises(ConfigError, match="open to other users"):
        budget.count_code(ADA)


def test_a_damaged_file_stops_the_login_instead_of_starting_over(tmp_path: Path, budget: LoginBudget) -> None:
    """ "Cannot read" is not "is not there": a budget begun anew would allow five more codes."""
    spend(budget)
    path = tmp_path / "home" / "login.db"
    path.write_bytes(b"\xff" * 8192)
    with pytest.raises(StorageUnavailable):
        budget.count_code(ADA)
    assert path.read_bytes() == b"\xff" * 8192


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, budget: LoginBudget) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "login.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises((ConfigError, StorageUnavailable)):
        budget.count_code(ADA)
    assert not (tmp_path / "elsewhere.db").exists()


def test_what_is_over_is_forgotten(tmp_path: Path, budget: LoginBudget, clock: ManualClock) -> None:
    spend(budget)
    budget.note_flood(ADA, 60)
    clock.advance(DAY)
    budget.check(ADA)
    store = sqlite3.connect(tmp_path / "home" / "login.db")
    assert store.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    store.close()


_FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""


def test_a_full_disk_stops_the_login(tmp_path: Path) -> None:
    """What cannot be counted is not tried."""
    program = _FULL + _COUNT.replace("LoginBudgetSpent:", "StorageUnavailable:").replace(
        "import LoginBudgetSpent", "import StorageUnavailable"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "login.db"), ADA], timeout=60)
    assert done.returncode == 4


def test_something_else_in_its_place_is_refused(tmp_path: Path, budget: LoginBudget) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "login.db").mkdir()
    with pytest.raises(ConfigError, match="not a regular file"):
        budget.count_code(ADA)


moments = st.builds(
    Moment,
    wall=st.floats(0, 4e9),
    boot=st.floats(0, 1e8),
    boot_id=st.sampled_from(["a", "b"]),
)


@given(at=moments, now=moments, later=st.floats(0, 1e6), shift=st.floats(-4e9, 4e9))
def test_once_noted_an_age_grows_with_the_boot_clock_whatever_the_wall_clock_does(
    at: Moment, now: Moment, later: float, shift: float
) -> None:
    assume(at.boot_id != now.boot_id or at.boot <= now.boot)
    noted = rebased(at, now)
    then = Moment(now.wall + later + shift, now.boot + later, now.boot_id)
    assert age(noted, now) == pytest.approx(age(at, now), abs=1e-3)
    assert age(noted, then) == pytest.approx(age(at, now) + later, abs=1e-3)


@given(
    codes=st.lists(st.floats(0, 2 * DAY), max_size=12),
    floods=st.lists(st.tuples(st.floats(0, DAY), st.floats(0, DAY)), max_size=4),
)
def test_after_the_wait_a_verdict_gives_the_attempt_is_allowed(
    codes: list[float], floods: list[tuple[float, float]]
) -> None:
    def at(ago: float) -> Moment:
        return Moment(1e9 - ago, 1e9 - ago, "a")

    notes = [Note(False, DAY, at(ago)) for ago in codes] + [Note(True, length, at(ago)) for ago, length in floods]
    now = Moment(1e9, 1e9, "a")
    wait = verdict(notes, now, codes=5, sending=True)
    assert 0 <= wait <= DAY
    after = Moment(1e9 + wait + 1e-3, 1e9 + wait + 1e-3, "a")
    assert verdict(notes, after, codes=5, sending=True) == 0
    if wait > 1:
        before = Moment(1e9 + wait - 0.5, 1e9 + wait - 0.5, "a")
        assert verdict(notes, before, codes=5, sending=True) > 0


def test_floods_of_logins_are_kept_in_the_ledger_and_older_ones_still_count(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "home" / "login.db"
    LoginBudget(path, clock=clock).note_flood(BOB, 600)  # as an earlier release did
    LoginBudget(path, clock=clock, ledger=LocalLedger(path.parent, clock=clock)).note_flood(ADA, 7200)
    ledger = LocalLedger(path.parent, clock=clock)
    assert [(each.method, left) for each, left in ledger.shown()] == [("", 7200)]
    budget = LoginBudget(path, clock=clock, ledger=ledger)
    clock.reboot(down=200, boot=5)
    for subject, seconds in ((ADA, 7000), (BOB, 400)):
        for attempt in (budget.check, budget.count_code):
            with pytest.raises(LoginBudgetSpent) as refused:
                attempt(subject)
            assert refused.value.seconds == pytest.approx(seconds)
    clock.advance(7000)
    for _ in range(CODES_PER_DAY):
        budget.count_code(ADA)
    ledger.close()
