"""The watch over the logins of an account: what is an alarm, and what must not be one. Facts by hand."""

from __future__ import annotations

from dataclasses import replace

from telekeep.health import logins, watch
from telekeep.health.logins import CLONE, STRANGER, Ours, Register
from telekeep.health.watch import Look
from telekeep.upstream.devices import Device, Devices

DAY = 86_400.0
T0 = 1_800_000_000.0
HOME, CAFE, THIEF = "10.0.0.1", "10.0.0.2", "203.0.113.66"

MAIN = Ours("main", "lease-main", T0, T0 + 10, is_quiet=True)
LAPTOP = Ours("laptop", "lease-laptop", T0 + DAY, T0 + DAY, is_quiet=True)


def device(number: int = 0, *, ip: str = HOME, at: float = T0, made: float = T0 - 1, app: str = "ours") -> Device:
    return Device(app, "a machine", ip, "", made, at, number)


PHONE = device(77, ip="198.51.100.7", app="Telegram Android", made=T0 - 900 * DAY, at=T0 - 60)


def look(
    before: Register | None, own: Device, *others: Device, kept: tuple[Ours, ...] = (MAIN,), asker: Ours = MAIN
) -> Look:
    """What ``asker`` is told, and connected for, just when it was used last."""
    now = own.active_at
    return watch.look(before, Devices(own, others, 180, 365), kept, asker=asker, began=now, now=now)


def baseline(*others: Device) -> Register:
    return look(None, device(at=T0 + 10), *others).register


def kinds(found: Look) -> list[tuple[str, str]]:
    return [(each.kind, each.name) for each in found.alarms]


def test_whoever_is_there_at_the_first_look_is_known() -> None:
    first = look(None, device(at=T0 + 10), PHONE)
    assert first.is_first and not first.alarms
    again = look(first.register, device(at=T0 + DAY), replace_at(PHONE, T0 + DAY))
    assert not again.is_first and not again.alarms
    assert again.register.since == T0 + 10


def replace_at(login: Device, at: float, **more: object) -> Device:
    return login._replace(active_at=at, **more)


def test_a_login_that_came_later_is_a_stranger_and_told_once() -> None:
    thief = device(666, ip=THIEF, app="some app", made=T0 + DAY, at=T0 + DAY)
    found = look(baseline(PHONE), device(at=T0 + DAY), PHONE, thief)
    assert kinds(found) == [(STRANGER, "main")]
    assert found.alarms[0].ip == THIEF and THIEF in found.alarms[0].words
    assert not look(found.register, device(at=T0 + 2 * DAY), PHONE, thief).alarms
    known = logins.acknowledged(found.register, T0 + 2 * DAY).numbered(666)
    assert known is not None and known.why == logins.SEEN


def test_a_stranger_that_ends_and_comes_again_is_told_again() -> None:
    thief = device(666, ip=THIEF, made=T0 + DAY, at=T0 + DAY)
    first = look(baseline(), device(at=T0 + DAY), thief)
    gone = look(first.register, device(at=T0 + 2 * DAY))
    again = look(gone.register, device(at=T0 + 3 * DAY), thief._replace(hash=667, created_at=T0 + 3 * DAY))
    assert [len(each.alarms) for each in (first, gone, again)] == [1, 0, 1]


def test_a_login_that_telekeep_has_just_made_is_ours_whoever_sees_it_first() -> None:
    made = device(55, made=LAPTOP.made_at - 3, at=LAPTOP.made_at)
    found = look(baseline(PHONE), device(at=T0 + 2 * DAY), PHONE, made, kept=(MAIN, LAPTOP))
    assert not found.alarms
    known = found.register.numbered(55)
    assert known is not None and (known.name, known.why) == ("laptop", logins.OURS)
    own = device(made=made.created_at, at=T0 + 3 * DAY)
    other = look(found.register, own, PHONE, device(11), kept=(MAIN, LAPTOP), asker=LAPTOP)
    assert not other.alarms and other.register.of("lease-laptop") is not None


def test_a_stranger_who_logs_in_while_we_do_is_found_out_when_ours_is_asked() -> None:
    thief = device(666, ip=THIEF, made=LAPTOP.made_at - 2, at=LAPTOP.made_at)
    fooled = look(baseline(), device(at=T0 + 2 * DAY), thief, kept=(MAIN, LAPTOP))
    assert not fooled.alarms
    own = device(made=LAPTOP.made_at - 200, at=T0 + 3 * DAY)
    found = look(fooled.register, own, device(11), thief, kept=(MAIN, LAPTOP), asker=LAPTOP)
    assert kinds(found) == [(STRANGER, "laptop")]


def test_logins_of_one_second_are_told_apart_by_their_numbers() -> None:
    made = LAPTOP.made_at
    thief, phone = device(666, ip=THIEF, made=made, at=made), device(78, made=made, at=made)
    fooled = look(baseline(), device(at=made + 1), thief, kept=(MAIN, LAPTOP))
    assert not fooled.alarms, "it came at just our second"
    own = device(made=made, at=made + DAY)
    found = look(fooled.register, own, device(11), thief, kept=(MAIN, LAPTOP), asker=LAPTOP)
    assert kinds(found) == [(STRANGER, "laptop")], "ours does not see itself among the others"
    ours = found.register.of("lease-laptop")
    assert ours is not None and ours.hash != 666
    first = look(None, device(at=made + 1), phone, device(22, made=made), kept=(MAIN,))
    asked = look(first.register, own, device(11), phone, kept=(MAIN, LAPTOP), asker=LAPTOP)
    mine = asked.register.of("lease-laptop")
    assert not asked.alarms and mine is not None and mine.hash == 22


def test_a_login_is_not_ours_because_we_log_in_a_day_later() -> None:
    thief = device(666, ip=THIEF, made=LAPTOP.made_at - DAY / 2, at=LAPTOP.made_at)
    assert kinds(look(baseline(), device(at=T0 + 2 * DAY), thief, kept=(MAIN, LAPTOP))) == [(STRANGER, "main")]


def test_a_new_address_of_our_own_is_no_alarm() -> None:
    moved = look(baseline(PHONE), device(at=T0 + DAY, ip=CAFE), replace_at(PHONE, T0 + DAY, ip="198.51.100.99"))
    assert not moved.alarms
    assert moved.register.addresses == {HOME, CAFE}


def two() -> Register:
    """Both of ours have been asked, and have seen each other."""
    kept = (MAIN, LAPTOP)
    first = look(None, device(at=T0 + DAY), device(22, made=LAPTOP.made_at), kept=kept).register
    own = device(made=LAPTOP.made_at, at=T0 + DAY)
    return look(first, own, device(11, at=T0 + DAY), kept=kept, asker=LAPTOP).register


def seen_by_laptop(login: Device, main: Ours) -> Look:
    own = device(made=LAPTOP.made_at, at=T0 + 3 * DAY)
    return look(two(), own, login, kept=(main, LAPTOP), asker=LAPTOP)


def test_ours_used_from_elsewhere_while_nobody_was_connected_is_a_clone_and_told_once() -> None:
    main = replace(MAIN, used_at=T0 + DAY)
    stolen = device(11, ip=THIEF, at=T0 + 2 * DAY)
    found = seen_by_laptop(stolen, main)
    assert kinds(found) == [(CLONE, "main")]
    assert THIEF in found.alarms[0].words and found.alarms[0].active_at == T0 + 2 * DAY
    own = device(made=LAPTOP.made_at, at=T0 + 4 * DAY)
    assert not look(found.register, own, stolen, kept=(main, LAPTOP), asker=LAPTOP).alarms
    later = stolen._replace(active_at=T0 + 3.5 * DAY)
    assert kinds(look(found.register, own, later, kept=(main, LAPTOP), asker=LAPTOP)) == [(CLONE, "main")]


def test_a_use_we_know_of_or_cannot_judge_is_no_clone() -> None:
    elsewhere = device(11, ip=CAFE, at=T0 + 2 * DAY)
    used_then = replace(MAIN, used_at=T0 + 2 * DAY - 100)  # by a program of ours, on a machine that has moved
    assert not seen_by_laptop(elsewhere, used_then).alarms
    held = replace(MAIN, used_at=T0 + DAY, is_quiet=False)
    assert not seen_by_laptop(elsewhere, held).alarms
    at_home = elsewhere._replace(ip=HOME)  # killed before it could write down its last use
    assert not seen_by_laptop(at_home, replace(MAIN, used_at=T0 + DAY)).alarms


def test_ours_seen_as_another_app_is_a_clone_whenever_that_was() -> None:
    odd = device(11, app="Kurigram", at=T0 + 2 * DAY)
    found = seen_by_laptop(odd, replace(MAIN, used_at=T0 + 2 * DAY, is_quiet=False))
    assert kinds(found) == [(CLONE, "main")] and "Kurigram" in found.alarms[0].words


def test_a_trace_of_somebody_before_us_in_our_own_entry_is_a_clone() -> None:
    main = replace(MAIN, used_at=T0 + DAY)
    before = look(baseline(PHONE), device(at=T0 + DAY), PHONE).register
    own = device(ip=THIEF, at=T0 + 2 * DAY)
    now = T0 + 3 * DAY
    found = watch.look(before, Devices(own, (PHONE,), None, None), (main,), asker=main, began=now, now=now)
    assert kinds(found) == [(CLONE, "main")]
    assert THIEF not in found.register.addresses, "a thief's address is not learnt as ours"


def test_what_is_known_survives_being_written_down() -> None:
    known = two()
    assert Register.of_facts(known.facts()) == known


def test_a_key_that_was_ours_teaches_no_address() -> None:
    known = two()
    renewed = replace(MAIN, lease="lease-main-2", made_at=T0 + 5 * DAY, used_at=T0 + 5 * DAY)
    own = device(made=LAPTOP.made_at, at=T0 + 6 * DAY)
    old = device(11, ip=THIEF, at=T0 + 6 * DAY)
    found = look(known, own, old, kept=(renewed, LAPTOP), asker=LAPTOP)
    assert THIEF not in found.register.addresses
