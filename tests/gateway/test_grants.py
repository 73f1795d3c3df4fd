"""Who may do what: every method of the schema, under every grant, through every wrapper."""

from __future__ import annotations

import itertools
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from gateway.requests import example, methods, wrapped
from telekeep.errors import ConfigError
from telekeep.gateway.asked import Refused, asked
from telekeep.gateway.grants import PROFILES, Grant
from telekeep.gateway.methods import never, only_reads
from telekeep.mtproto.schema import LAYER, functions, types

METHODS = methods()
# what a person has decided each method is: local, never, read, takeout or write
DECISIONS = dict(line.split() for line in Path(__file__).with_name("decisions.txt").read_text().splitlines())
ALLOWED = {
    "full": {"local", "read", "takeout", "write"},
    "read-only": {"local", "read"},
    "archive": {"local", "read", "takeout"},
}
STRANGE = (
    "invokeWithBusinessConnection",
    "invokeWithGooglePlayIntegrity",
    "invokeWithApnsSecret",
    "invokeWithReCaptcha",
)
PLAIN = functions.messages.GetHistoryRequest(types.InputPeerUser(5, 6), 0, None, 0, 100, 0, 0, 0)
SERVICE = types.InputPeerUser(777000, 6)


def refusal(grant: str, request: Any) -> Refused | None:
    try:
        Grant.parse(grant).judge(asked(bytes(request)))
    except Refused as refused:
        return refused
    return None


def harmless(kind: Any) -> Any:
    """An example that names a channel where it must name a peer."""
    request = example(kind)
    for field, value in vars(request).items():
        if isinstance(value, types.InputPeerEmpty):
            setattr(request, field, types.InputPeerChannel(5, 6))
    return request


def message(grant: str, request: Any) -> str:
    refused = refusal(grant, request)
    assert refused is not None and refused.code == 403
    return refused.message


def of(decision: str) -> list[str]:
    return [name for name, each in DECISIONS.items() if each == decision and name in METHODS]


# ---- every method


def test_somebody_has_looked_at_every_method_of_the_schema() -> None:
    """A new release of Telethon brings new methods: decide what they are, and write it into decisions.txt."""
    assert sorted(set(METHODS) - set(DECISIONS)) == []


@pytest.mark.parametrize("grant", PROFILES)
def test_every_method_is_decided_as_it_was_meant(grant: str) -> None:
    wrong = [
        name
        for name, kind in METHODS.items()
        if (refusal(grant, harmless(kind)) is None) != (DECISIONS[name] in ALLOWED[grant])
    ]
    assert wrong == []


@pytest.mark.parametrize("grant", [*PROFILES, "account.*,messages.*,users.getUsers"])
def test_what_is_never_granted_comes_through_no_wrapper(grant: str) -> None:
    parsed = Grant.parse(grant)
    for name in of("never"):
        for wrapper in (example(METHODS[name]), *wrapped(example(METHODS[name])).values()):
            with pytest.raises(Refused, match=name) as caught:
                parsed.judge(asked(bytes(wrapper)))
            assert caught.value.code == 403


@pytest.mark.parametrize("grant", PROFILES)
def test_no_login_comes_through_any_two_wrappers(grant: str) -> None:
    parsed = Grant.parse(grant)
    kinds = [METHODS[name] for name in of("never") if name.startswith("auth.")]
    assert len(kinds) >= 20
    for kind in kinds:
        for inner in wrapped(example(kind)).values():
            for outer in wrapped(inner).values():
                with pytest.raises(Refused):
                    parsed.judge(asked(bytes(outer)))


def test_what_the_gateway_answers_itself_is_granted_to_all_but_in_no_strange_wrapper() -> None:
    for name, grant in itertools.product(of("local"), [*PROFILES, "messages.sendMessage"]):
        request = example(METHODS[name])
        assert refusal(grant, request) is None
        for wrapper in STRANGE:
            if wrapper in wrapped(request):
                assert wrapper in message(grant, wrapped(request)[wrapper])


@pytest.mark.parametrize("grant", ["read-only", "archive"])
def test_no_write_comes_through_a_reading_grant_in_any_wrapper(grant: str) -> None:
    parsed = Grant.parse(grant)
    for name in of("write"):
        for wrapper in (example(METHODS[name]), *wrapped(example(METHODS[name])).values()):
            with pytest.raises(Refused) as caught:
                parsed.judge(asked(bytes(wrapper)))
            assert caught.value.code == 403


TRACES = [
    "account.updateStatus",
    "messages.readHistory",
    "channels.readHistory",
    "messages.receivedMessages",
    "messages.setTyping",
    "messages.getBotCallbackAnswer",
    "contacts.getLocated",
    "upload.saveFilePart",
]


@pytest.mark.parametrize("name", TRACES)
def test_reading_leaves_no_trace(name: str) -> None:
    assert DECISIONS[name] == "write"
    assert message("read-only", example(METHODS[name])) == f"NOT_GRANTED_{name}"
    assert message("archive", example(METHODS[name])) == f"NOT_GRANTED_{name}"
    assert refusal("full", example(METHODS[name])) is None


def test_a_reader_that_counts_the_views_is_a_write() -> None:
    def views(increment: bool) -> Any:
        return functions.messages.GetMessagesViewsRequest(types.InputPeerSelf(), [1], increment)

    assert refusal("read-only", views(False)) is None
    assert message("read-only", views(True)) == "NOT_GRANTED_messages.getMessagesViews"
    assert refusal("full", views(True)) is None


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("grant", [*PROFILES, "messages.*"])
def test_wrappers_that_speak_for_others_are_refused_whatever_is_inside(grant: str, name: str) -> None:
    if name in (wrappers := wrapped(PLAIN)):
        assert message(grant, wrappers[name]) == f"NOT_GRANTED_{name}_messages.getHistory"
        assert message(grant, functions.InvokeWithLayerRequest(LAYER, wrappers[name])).startswith(f"NOT_GRANTED_{name}")


@pytest.mark.parametrize("wrapper", ["invokeWithTakeout", "invokeWithMessagesRange"])
def test_taking_out_is_for_those_who_may(wrapper: str) -> None:
    request = wrapped(PLAIN)[wrapper]
    for grant in ("full", "archive", "messages.*,account.initTakeoutSession", "messages.*,account.*"):
        assert refusal(grant, request) is None
    for grant in ("read-only", "messages.*", "messages.getHistory"):
        assert message(grant, request) == f"NOT_GRANTED_{wrapper}_messages.getHistory"


SMELLS = [
    "auth.signInSomehow",
    "account.getAnything",
    "payments.getFree",
    "smsjobs.getAll",
    "updates.getMore",
    "new.getAll",
    "messages.transferOwnership",
    "channels.editCreatorAgain",
    "bots.getBotToken",
    "users.getPasswordHint",
    "getAll",
    "destroyAuthKey",
    "messages.acceptUrlAuthAgain",
    "stories.sendStarsToAll",
    "messages.sendGift",
]


@pytest.mark.parametrize("name", SMELLS)
def test_a_method_of_a_later_release_that_smells_of_danger_is_never_granted(name: str) -> None:
    assert never(name) is not None


@pytest.mark.parametrize(
    "name", ["messages.getEverything", "users.searchAll", "stories.resolveAll", "channels.checkAll"]
)
def test_a_method_of_a_later_release_counts_as_a_write_whatever_its_name_promises(name: str) -> None:
    assert never(name) is None
    assert not only_reads(name, PLAIN)


# ---- what a request carries


NAMING = {
    "a peer": functions.messages.GetHistoryRequest(SERVICE, 0, None, 0, 100, 0, 0, 0),
    "a user": functions.users.GetFullUserRequest(types.InputUser(777000, 0)),
    "among others": functions.users.GetUsersRequest([types.InputUserSelf(), types.InputUser(777000, 0)]),
    "seen in a chat": functions.messages.SearchRequest(
        types.InputPeerUserFromMessage(types.InputPeerChat(3), 5, 777000),
        *("", types.InputMessagesFilterEmpty(), None, None, 0, 0, 9, 0, 0, 0),
    ),
    "a user seen in a chat": functions.users.GetUsersRequest(
        [types.InputUserFromMessage(types.InputPeerChat(3), 5, 777000)]
    ),
    "a chat seen in it": functions.channels.GetChannelsRequest([types.InputChannelFromMessage(SERVICE, 5, 6)]),
    "a dialog": functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(SERVICE)]),
    "a photo": functions.upload.GetFileRequest(types.InputPeerPhotoFileLocation(SERVICE, 5), 0, 4096),
    "a sender": functions.messages.SearchRequest(
        types.InputPeerEmpty(), "", types.InputMessagesFilterEmpty(), None, None, 0, 0, 9, 0, 0, 0, from_id=SERVICE
    ),
    "an offset": functions.messages.GetDialogsRequest(None, 0, SERVICE, 20, 0),
}


@pytest.mark.parametrize("grant", [*PROFILES, "messages.*,users.*,channels.*,upload.*,updates.*"])
@pytest.mark.parametrize("where", NAMING)
def test_the_chat_that_login_codes_come_in_cannot_be_named(where: str, grant: str) -> None:
    request = NAMING[where]
    for each in (request, functions.InvokeWithoutUpdatesRequest(request)):
        assert message(grant, each).startswith("NOT_GRANTED_SERVICE_CHAT_")


def test_nor_written_to_forwarded_from_or_quoted() -> None:
    friend = types.InputPeerUser(5, 6)
    quoting = types.InputReplyToMessage(9, reply_to_peer_id=SERVICE, quote_text="code")
    for request in (
        functions.messages.ForwardMessagesRequest(SERVICE, [9], friend, random_id=[1]),
        functions.messages.ForwardMessagesRequest(types.InputPeerEmpty(), [9], friend, random_id=[1]),
        functions.messages.SendMessageRequest(friend, "look", reply_to=quoting, random_id=1),
        functions.messages.SaveDraftRequest(friend, "look", reply_to=quoting),
        functions.messages.ReadHistoryRequest(SERVICE, 0),
        functions.messages.TranslateTextRequest("en", peer=friend, id=[9]),
    ):
        assert message("full", request).startswith("NOT_GRANTED_SERVICE_CHAT_")
    assert refusal("full", functions.messages.ForwardMessagesRequest(friend, [9], SELF, random_id=[1])) is None


SELF = types.InputPeerSelf()


def test_a_channel_with_the_same_number_is_another_chat() -> None:
    assert refusal("read-only", functions.channels.GetChannelsRequest([types.InputChannel(777000, 5)])) is None


@pytest.mark.parametrize("field", ["allow_paid_stars", "allow_paid_floodskip"])
def test_nobody_agrees_to_pay_with_the_owners_stars(field: str) -> None:
    tried = 0
    for name, kind in METHODS.items():
        if field in signature(kind).parameters and DECISIONS[name] != "never":
            request = harmless(kind)
            assert refusal("full", request) is None
            setattr(request, field, 1)
            assert message("full", request) == f"NOT_GRANTED_PAYMENT_{name}"
            tried += 1
    assert tried >= 3


def test_nothing_is_staked_or_offered() -> None:
    offers: list[Any] = []
    if hasattr(types, "InputMediaStakeDice"):
        stake = types.InputMediaStakeDice("", 5, "")
        offers.append(functions.messages.SendMediaRequest(SELF, stake, "", random_id=1))
        offers.append(functions.messages.SendMultiMediaRequest(SELF, [types.InputSingleMedia(stake, "", random_id=1)]))
    if hasattr(types, "SuggestedPost"):
        post = types.SuggestedPost(price=types.StarsAmount(5, 0))
        offers.append(functions.messages.SendMessageRequest(SELF, "", suggested_post=post, random_id=1))
        free = types.SuggestedPost()
        plain = functions.messages.SendMessageRequest(SELF, "", suggested_post=free, random_id=1)
        assert refusal("full", plain) is None
    for request in offers:
        assert message("full", request).startswith("NOT_GRANTED_PAYMENT_")


def test_no_request_carries_a_password() -> None:
    asking = functions.messages.GetBotCallbackAnswerRequest(
        SELF, 5, data=b"x", password=types.InputCheckPasswordSRP(1, b"", b"")
    )
    assert message("full", asking) == "NOT_GRANTED_PASSWORD_messages.getBotCallbackAnswer"


def test_a_request_in_the_place_of_a_peer_is_refused() -> None:
    request = functions.messages.ReadHistoryRequest(functions.auth.LogOutRequest(), 0)
    refused = refusal("full", request)
    assert refused is not None and refused.code == 400


# ---- lists


def test_a_list_grants_what_it_names_and_nothing_else() -> None:
    grant = "messages.getHistory, users.*"
    assert refusal(grant, PLAIN) is None
    assert refusal(grant, functions.users.GetFullUserRequest(types.InputUserSelf())) is None
    assert refusal(grant, functions.users.GetUsersRequest([types.InputUser(5, 6)])) is None
    assert message(grant, functions.messages.SendMessageRequest(SELF, "", random_id=1)) == (
        "NOT_GRANTED_messages.sendMessage"
    )
    assert message(grant, functions.contacts.GetContactsRequest(0)) == "NOT_GRANTED_contacts.getContacts"


def test_a_room_grants_nothing_that_is_never_granted() -> None:
    for name, kind in METHODS.items():
        room = name.partition(".")[0]
        if DECISIONS[name] == "never" and room in ("account", "messages", "bots", "channels", "phone"):
            assert f"NOT_GRANTED_{name}" == message(f"{room}.*", example(kind))


def test_every_program_may_ask_who_it_is() -> None:
    """Stock clients ask it when they start."""
    assert refusal("messages.getHistory", functions.users.GetUsersRequest([types.InputUserSelf()])) is None
    assert refusal("messages.getHistory", functions.users.GetUsersRequest([types.InputUser(5, 6)])) is not None
    both = functions.users.GetUsersRequest([types.InputUserSelf(), types.InputUser(5, 6)])
    assert refusal("messages.getHistory", both) is not None


def test_a_list_hears_updates_only_if_it_says_so() -> None:
    assert all(Grant.parse(profile).hears_updates for profile in PROFILES)
    assert Grant.parse("messages.getHistory,updates.*").hears_updates
    assert Grant.parse("updates.getDifference").hears_updates
    assert not Grant.parse("messages.*,users.getUsers,updates.getState").hears_updates


@pytest.mark.parametrize("text", [*PROFILES, "messages.getHistory", "messages.getHistory,users.*", "updates.*"])
def test_a_grant_is_what_it_was_made_of(text: str) -> None:
    assert str(Grant.parse(text)) == text
    assert Grant.parse(str(Grant.parse(text))) == Grant.parse(f" {text.replace(',', ' , ')} ")


@pytest.mark.parametrize(
    ("text", "names", "remedy"),
    [
        ("read_only", "'read_only'", "Did you mean read-only?"),
        ("Full", "'Full'", "Did you mean full?"),
        ("messages.gethistory", "'messages.gethistory'", "Did you mean messages.getHistory?"),
        ("messages.GetHistoryRequest", "'messages.GetHistoryRequest'", "Did you mean messages.getHistory?"),
        ("users.*,mesages.*", "'mesages.*'", "Did you mean messages.*?"),
        ("xyzzy", "'xyzzy'", "A grant is full, read-only, archive"),
        ("*", "'*'", "A grant is full, read-only, archive"),
        ("", "empty place", "A grant is full, read-only, archive"),
        ("users.*,,messages.*", "empty place", "A grant is"),
        ("full,messages.getHistory", "'full' stands alone", "--grant full"),
        ("auth.signIn", "auth.signIn is never granted: logins", "Leave it out"),
        ("auth.*", "Nothing of auth.* is ever granted", "Leave it out"),
        ("smsjobs.*", "Nothing of smsjobs.* is ever granted", "Leave it out"),
        ("account.getPassword", "account.getPassword is never granted", "Leave it out"),
        ("messages.getHistory,account.deleteAccount", "account.deleteAccount is never granted", "Leave it out"),
        ("invokeWithLayer", "'invokeWithLayer'", "A grant is"),
    ],
)
def test_a_grant_that_cannot_be_is_refused_with_a_way_out(text: str, names: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Grant.parse(text)
    assert names in caught.value.message
    assert caught.value.remedy is not None and remedy in caught.value.remedy


@pytest.mark.parametrize("name", of("never"))
def test_what_is_never_granted_cannot_be_written_into_a_list(name: str) -> None:
    with pytest.raises(ConfigError):
        Grant.parse(f"messages.getHistory,{name}")


def test_every_room_that_holds_something_can_be_granted() -> None:
    rooms = {name.partition(".")[0] for name, decision in DECISIONS.items() if name in METHODS and decision != "never"}
    for room in rooms - {"auth"}:
        Grant.parse(f"{room}.*")
