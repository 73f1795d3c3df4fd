"""The moves of a login: which question follows on which answer, and when it is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.errors import LoginRefused, MaybeDone
from telekeep.login import flow
from telekeep.login import states as s
from telekeep.secret import Secret
from telekeep.session.model import User
from telekeep.upstream.fresh import ANSWERABLE

PHONE = "9996621234"
APP = s.Sent("app", "to the app", "hash", length=5, next_kind="SMS", timeout=60)
ADA = User(7, False, "ada")


def walk(move: flow.Move, *events: s.Event) -> flow.Move:
    for event in events:
        move = flow.step(move[0], event)
    return move


def at_code() -> flow.Move:
    return walk(flow.by_phone(), s.PhoneGiven(PHONE), s.CodeSent(APP))


def refusal(move: flow.Move) -> LoginRefused:
    state, action = move
    assert action is None
    assert isinstance(state, s.Failed)
    assert isinstance(state.error, LoginRefused)
    return state.error


def test_phone_code_and_password_lead_to_the_account() -> None:
    move = flow.by_phone()
    assert move[1] == s.AskPhone()
    move = walk(move, s.PhoneGiven("+999 (66) 2-1234"))
    assert move[1] == s.SendCode(PHONE)
    move = walk(move, s.CodeSent(APP))
    assert move[1] == s.AskCode(APP)
    move = walk(move, s.CodeGiven(" 22-222 "))
    assert move[1] == s.SignIn(PHONE, APP, "22222")
    move = walk(move, s.Refused("SESSION_PASSWORD_NEEDED"))
    assert move[1] == s.FetchHint()
    move = walk(move, s.HintFetched("the usual"))
    assert move[1] == s.AskPassword("the usual")
    move = walk(move, s.PasswordGiven(Secret(b"x")))
    assert move[1] == s.CheckPassword(Secret(b"x"))
    assert walk(move, s.LoggedIn(ADA)) == (s.Done(ADA), None)


def test_a_code_that_telegram_does_not_need_is_not_asked_for() -> None:
    """Telethon raises RuntimeError on auth.sentCodeSuccess; it is a success."""
    assert walk(flow.by_phone(), s.PhoneGiven(PHONE), s.LoggedIn(ADA)) == (s.Done(ADA), None)


@pytest.mark.parametrize("typed", ["", "ada", "+1", "12345678901234567", "１２３４５６７"])
def test_what_is_no_phone_number_is_asked_again_without_a_call(typed: str) -> None:
    state, action = walk(flow.by_phone(), s.PhoneGiven(typed))
    assert isinstance(state, s.NeedPhone)
    assert isinstance(action, s.AskPhone)
    assert action.problem
    assert "country code" in action.problem


def test_a_number_telegram_does_not_know_is_asked_again_three_times_at_most() -> None:
    move = flow.by_phone()
    for _ in range(flow.TRIES):
        move = walk(move, s.PhoneGiven(PHONE), s.Refused("PHONE_NUMBER_INVALID"))
    assert "country code" in refusal(move).message


def test_a_wrong_code_is_asked_again_three_times_at_most() -> None:
    move = at_code()
    for _ in range(flow.TRIES - 1):
        move = walk(move, s.CodeGiven("11111"), s.Refused("PHONE_CODE_INVALID"))
        assert isinstance(move[1], s.AskCode)
        assert move[1].problem
    assert "last of 3" in refusal(walk(move, s.CodeGiven("11111"), s.Refused("PHONE_CODE_INVALID"))).message


@pytest.mark.parametrize("typed", ["", "2222", "222222", "2222a", "２２２２２"])
def test_what_cannot_be_the_code_is_not_sent_to_telegram(typed: str) -> None:
    _, action = walk(at_code(), s.CodeGiven(typed))
    assert isinstance(action, s.AskCode)
    assert action.problem


def test_a_word_is_a_code_where_telegram_sent_a_word() -> None:
    word = s.Sent("word", "by SMS, as a word", "hash", digits=False)
    _, action = walk(flow.by_phone(), s.PhoneGiven(PHONE), s.CodeSent(word), s.CodeGiven(" Pineapple\n"))
    assert action == s.SignIn(PHONE, word, "Pineapple")


def test_an_expired_code_is_replaced_only_if_that_is_wanted() -> None:
    """001-F5: a code forwarded inside Telegram expires at once; the words say so."""
    move = walk(at_code(), s.CodeGiven("22222"), s.Refused("PHONE_CODE_EXPIRED"))
    assert isinstance(move[1], s.OfferNewCode)
    assert "inside Telegram" in move[1].problem
    assert walk(move, s.NewCodeWanted())[1] == s.SendCode(PHONE)
    assert "expired" in refusal(walk(move, s.NewCodeDeclined())).message


def test_one_login_asks_for_three_codes_at_most() -> None:
    move = at_code()
    for _ in range(flow.SENDINGS - 1):
        move = walk(move, s.CodeGiven("22222"), s.Refused("PHONE_CODE_EXPIRED"), s.NewCodeWanted(), s.CodeSent(APP))
    refusal(walk(move, s.CodeGiven("22222"), s.Refused("PHONE_CODE_EXPIRED"), s.NewCodeWanted()))
    assert isinstance(walk(move, s.ResendWanted(waited=61))[1], s.AskCode)


def test_another_way_is_offered_only_after_telegrams_own_wait() -> None:
    early = walk(at_code(), s.ResendWanted(waited=20))[1]
    assert isinstance(early, s.AskCode)
    assert "40 s" in (early.problem or "")
    assert walk(at_code(), s.ResendWanted(waited=60))[1] == s.ResendCode(PHONE, APP)


def test_without_another_way_none_is_asked_for() -> None:
    only = s.Sent("app", "to the app", "hash", length=5)
    move = walk(flow.by_phone(), s.PhoneGiven(PHONE), s.CodeSent(only))
    assert isinstance(walk(move, s.ResendWanted(waited=1000))[1], s.AskCode)
    move = walk(at_code(), s.ResendWanted(waited=60), s.Refused("SEND_CODE_UNAVAILABLE"))
    assert isinstance(move[1], s.AskCode)
    assert move[1].sent.next_kind is None


def test_a_line_lost_while_a_code_was_asked_for_is_tried_again_and_not_for_ever() -> None:
    move = walk(flow.by_phone(), s.PhoneGiven(PHONE))
    for _ in range(flow.SENDINGS - 1):
        move = walk(move, s.LineLost())
        assert move[1] == s.SendCode(PHONE)
    state, _ = walk(move, s.LineLost())
    assert isinstance(state, s.Failed)
    assert isinstance(state.error, MaybeDone)


def test_a_qr_code_may_be_asked_for_instead_of_a_code() -> None:
    assert walk(at_code(), s.QrWanted())[1] == s.IssueToken(first=True)


def test_a_number_without_an_account_is_not_signed_up() -> None:
    assert "No Telegram account" in refusal(walk(at_code(), s.CodeGiven("22222"), s.SignUpWanted())).message


def test_a_wrong_password_is_asked_again_three_times_at_most() -> None:
    move = walk(at_code(), s.CodeGiven("22222"), s.Refused("SESSION_PASSWORD_NEEDED"), s.HintFetched("dog"))
    for _ in range(flow.TRIES - 1):
        move = walk(move, s.PasswordGiven(Secret(b"cat")), s.Refused("PASSWORD_HASH_INVALID"))
        assert isinstance(move[1], s.AskPassword)
        assert move[1].hint == "dog"
        assert move[1].problem
    refusal(walk(move, s.PasswordGiven(Secret(b"cat")), s.Refused("PASSWORD_HASH_INVALID")))


def test_a_qr_code_is_refreshed_until_it_is_scanned_and_ten_times_at_most() -> None:
    move = flow.by_qr()
    for _ in range(flow.TOKENS):
        move = walk(move, s.TokenIssued("tg://login?token=x", 30.0))
        assert isinstance(move[1], s.ShowToken)
        move = walk(move, s.TokenRanOut())
        assert move[1] == s.IssueToken()
    assert "Nobody scanned" in refusal(walk(move, s.TokenIssued("tg://login?token=x", 30.0))).message


def test_a_scanned_qr_code_follows_the_account_to_its_data_center_and_asks_for_the_password() -> None:
    move = walk(flow.by_qr(), s.TokenIssued("tg://login?token=x", 30.0), s.TokenScanned(), s.TokenMoved(4, b"t"))
    assert move[1] == s.FollowToken(4, b"t")
    assert walk(move, s.Refused("SESSION_PASSWORD_NEEDED"))[1] == s.FetchHint()
    assert walk(move, s.Refused("AUTH_TOKEN_EXPIRED"))[1] == s.IssueToken()
    assert walk(move, s.LoggedIn(ADA)) == (s.Done(ADA), None)


def test_a_refused_bot_token_ends_the_login() -> None:
    assert flow.by_bot_token()[1] == s.ImportBot()
    assert "bot token" in refusal(walk(flow.by_bot_token(), s.Refused("ACCESS_TOKEN_INVALID"))).message


def test_no_word_of_a_login_shows_what_was_typed() -> None:
    """X-6: codes, hashes, tokens and passwords are in no repr."""
    shown = repr(
        [
            s.CodeGiven("73519"),
            s.SignIn(PHONE, s.Sent("app", "to the app", "deadbeef"), "73519"),
            s.PasswordGiven(Secret(b"73519")),
            s.CheckPassword(Secret(b"73519")),
            s.TokenIssued("tg://login?token=73519", 1.0),
            s.ShowToken("tg://login?token=73519", 1.0),
            s.FollowToken(2, b"73519"),
        ]
    )
    assert "73519" not in shown
    assert "deadbeef" not in shown


REFUSED = tuple(s.Refused(name) for name in sorted(ANSWERABLE))
OUTCOMES: dict[type, tuple[s.Event, ...]] = {
    s.AskPhone: (s.PhoneGiven(PHONE), s.PhoneGiven("no")),
    s.AskCode: (s.CodeGiven("22222"), s.CodeGiven("no"), s.ResendWanted(10), s.ResendWanted(100), s.QrWanted()),
    s.OfferNewCode: (s.NewCodeWanted(), s.NewCodeDeclined()),
    s.AskPassword: (s.PasswordGiven(Secret(b"x")),),
    s.ShowToken: (s.TokenScanned(), s.TokenRanOut()),
    s.SendCode: (s.CodeSent(APP), s.LoggedIn(ADA), s.LineLost(), *REFUSED),
    s.ResendCode: (s.CodeSent(APP), s.LoggedIn(ADA), s.LineLost(), *REFUSED),
    s.SignIn: (s.LoggedIn(ADA), s.SignUpWanted(), *REFUSED),
    s.FetchHint: (s.HintFetched(None), *REFUSED),
    s.CheckPassword: (s.LoggedIn(ADA), *REFUSED),
    s.IssueToken: (s.TokenIssued("tg://x", 1.0), s.TokenMoved(4, b"t"), s.LoggedIn(ADA), *REFUSED),
    s.FollowToken: (s.TokenIssued("tg://x", 1.0), s.TokenMoved(2, b"t"), s.LoggedIn(ADA), *REFUSED),
    s.ImportBot: (s.LoggedIn(ADA), s.SignUpWanted(), *REFUSED),
}


@given(st.data())
def test_whatever_telegram_and_the_person_answer_the_flow_knows_what_is_next(data: st.DataObject) -> None:
    """And it never asks for more codes, sign-ins or tokens than it may, however long it goes on."""
    state, action = data.draw(st.sampled_from([flow.by_phone(), flow.by_qr(), flow.by_bot_token()]))
    counts = dict.fromkeys(OUTCOMES, 0)
    for _ in range(100):
        if action is None:
            break
        counts[type(action)] += 1
        state, action = flow.step(state, data.draw(st.sampled_from(OUTCOMES[type(action)])))
    assert (action is None) == isinstance(state, s.Done | s.Failed)
    assert counts[s.SendCode] + counts[s.ResendCode] <= flow.TRIES * flow.SENDINGS
    assert counts[s.CheckPassword] <= flow.TRIES
    assert counts[s.ShowToken] <= flow.TOKENS
    assert counts[s.ImportBot] <= 1
