"""What is said where names alone do not say it: each rule by an example."""

from __future__ import annotations

import struct

import pytest

from gateway.layers.words import Words, vector
from telekeep.gateway.layers import Untranslatable, translator
from telekeep.gateway.layers.node import Node, Value
from telekeep.gateway.layers.reading import FALSE, TRUE
from telekeep.gateway.layers.translation import Translator

V149, V166, V181, V201, V216, V227, V229 = map(Words, (149, 166, 181, 201, 216, 227, 229))
NOBODY: dict[str, Value] = {"chats": [], "users": []}
SELF = V229("inputPeerSelf")
ANNA = V229("peerUser", user_id=5)
CHANNEL = V229("inputChannel", channel_id=9, access_hash=10)


def between(layer: int, own: int = 229) -> Translator:
    found = translator(layer, own)
    assert found is not None
    return found


def up(request: bytes, old: Words = V149, own: Words = V229) -> Node:
    return own.look(between(old.layer, own.layer).up(request))


def message(say: Words = V229, **values: Value) -> bytes:
    return say("message", **{"id": 1, "peer_id": ANNA, "date": 2, "message": "hello", **values})


def told(old: Words = V149, own: Words = V229, users: tuple[bytes, ...] = (), **values: Value) -> Node:
    """A message of a history as a program of the old layer reads it."""
    topics = {"topics": []} if own.layer >= 216 else {}
    result = own("messages.messages", messages=[message(own, **values)], chats=[], users=users, **topics)
    found = old.look(between(old.layer, own.layer).down("messages.getHistory", result))
    return found.children("messages")[0]


def refused(request: bytes, old: Words = V149, own: Words = V229) -> str:
    with pytest.raises(Untranslatable) as error:
        between(old.layer, own.layer).up(request)
    return error.value.name


# ---- requests


def test_the_layer_that_is_said_is_the_one_that_is_spoken() -> None:
    said: dict[str, Value] = dict.fromkeys(("device_model", "system_version", "app_version"), "x")
    said |= dict.fromkeys(("system_lang_code", "lang_pack", "lang_code"), "")
    initial = V149("initConnection", api_id=1, query=V149("help.getConfig"), **said)
    outer = up(V149("invokeWithLayer", layer=149, query=initial))
    assert outer.number("layer") == 229
    assert outer.raw("query")[:4] == V229("initConnection", api_id=1, query=b"", **said)[:4]
    assert outer.raw("query").endswith(V229("help.getConfig"))


def test_wrappers_are_kept() -> None:
    inner = V149("users.getUsers", id=[V149("inputUserSelf")])
    for wrapper in (
        V149("invokeWithoutUpdates", query=inner),
        V149("invokeAfterMsg", msg_id=1, query=inner),
        V149("invokeAfterMsgs", msg_ids=[bytes(8), bytes(8)], query=inner),
        V149("invokeWithTakeout", takeout_id=1, query=inner),
    ):
        assert between(149).up(wrapper) == wrapper


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("sendMessage", {"message": "hello", "random_id": 7}),
        ("sendMedia", {"message": "", "random_id": 7, "media": V149("inputMediaEmpty")}),
        ("sendMultiMedia", {"multi_media": []}),
        ("saveDraft", {"message": ""}),
        ("sendInlineBotResult", {"random_id": 7, "query_id": 1, "id": "x"}),
    ],
)
def test_a_reply_is_an_object_now(method: str, more: dict[str, Value]) -> None:
    asked = up(V149(f"messages.{method}", peer=SELF, reply_to_msg_id=3, **more))
    reply = asked.child("reply_to")
    assert reply is not None and reply.word.name == "inputReplyToMessage"
    assert reply.number("reply_to_msg_id") == 3 and not reply.has("top_msg_id")
    assert not up(V149(f"messages.{method}", peer=SELF, **more)).has("reply_to")


def test_a_reply_in_a_topic_names_the_topic() -> None:
    asked = up(V149("messages.sendMessage", peer=SELF, message="", random_id=7, reply_to_msg_id=3, top_msg_id=2))
    reply = asked.child("reply_to")
    assert reply is not None and reply.number("top_msg_id") == 2
    assert (
        refused(V149("messages.sendMessage", peer=SELF, message="", random_id=7, top_msg_id=2))
        == "messages.sendMessage.top_msg_id"
    )


def test_topics_of_channels_are_topics_of_peers() -> None:
    asked = up(V149("channels.getForumTopics", channel=CHANNEL, offset_date=0, offset_id=0, offset_topic=0, limit=20))
    assert asked.word.name == "messages.getForumTopics"
    peer = asked.child("peer")
    assert peer is not None and peer.word.name == "inputPeerChannel"
    assert (peer.number("channel_id"), peer.number("access_hash")) == (9, 10)


def test_and_back_where_the_owner_is_the_older_one() -> None:
    peer = V229("inputPeerChannel", channel_id=9, access_hash=10)
    asking = dict.fromkeys(("offset_date", "offset_id", "offset_topic", "limit"), 0)
    asked = up(V229("messages.getForumTopics", peer=peer, **asking), V229, V201)
    assert asked.word.name == "channels.getForumTopics"
    assert asked.raw("channel") == CHANNEL
    name = refused(V229("messages.getForumTopics", peer=SELF, **asking), V229, V201)
    assert name == "inputPeerSelf"  # there, only channels have topics


def test_keyboards_that_a_bot_sends() -> None:
    button = V149("keyboardButtonCallback", text="a", data=b"\x01x\0\0")
    markup = V149("replyInlineMarkup", rows=[V149("keyboardButtonRow", buttons=[button])])
    asked = up(V149("messages.sendMessage", peer=SELF, message="", random_id=7, reply_markup=markup))
    kind = V229("inlineButtonTypeCallback", data=b"\x01x\0\0")
    row = V229("keyboardInlineButtonRow", buttons=[V229("keyboardInlineButton", text="a", type=kind)])
    assert asked.raw("reply_markup") == V229("replyInlineMarkup", rows=[row])

    contact = V149("keyboardButtonRequestPhone", text="b")
    markup = V149("replyKeyboardMarkup", rows=[V149("keyboardButtonRow", buttons=[contact])])
    asked = up(V149("messages.sendMessage", peer=SELF, message="", random_id=7, reply_markup=markup))
    button = V229("keyboardButton", text="b", type=V229("buttonTypeRequestPhone"))
    assert asked.raw("reply_markup") == V229("replyKeyboardMarkup", rows=[V229("keyboardButtonRow", buttons=[button])])


def test_a_quiz_counts_its_answers() -> None:
    options = [b"\x03yes", b"\x02no\0"]
    answers = [V149("pollAnswer", text="T", option=option) for option in options]
    poll = V149("poll", id=0, question="Q", answers=answers, quiz=True)
    media = V149("inputMediaPoll", poll=poll, correct_answers=[options[1]])
    sent = up(V149("messages.sendMedia", peer=SELF, media=media, message="", random_id=7)).child("media")
    assert sent is not None
    assert sent.raw("correct_answers") == vector(struct.pack("<i", 1))
    text = V229("textWithEntities", text="T", entities=[])
    now = sent.child("poll")
    assert now is not None and now.has("quiz") and now.number("hash") == 0
    assert now.raw("answers") == vector(*[V229("inputPollAnswer", text=text)] * 2)
    wrong = V149("inputMediaPoll", poll=poll, correct_answers=[b"\x01?\0\0"])
    name = refused(V149("messages.sendMedia", peer=SELF, media=wrong, message="", random_id=7))
    assert name == "inputMediaPoll.correct_answers"


def test_and_names_them_for_an_older_owner() -> None:
    text = V229("textWithEntities", text="T", entities=[])
    poll = V229("poll", id=0, question=text, answers=[V229("inputPollAnswer", text=text)] * 2, quiz=True, hash=0)
    media = V229("inputMediaPoll", poll=poll, correct_answers=[struct.pack("<i", 1)])
    sent = up(V229("messages.sendMedia", peer=SELF, media=media, message="", random_id=7), V229, V201).child("media")
    assert sent is not None
    now = sent.child("poll")
    assert now is not None
    assert [each.data("option") for each in now.children("answers")] == [b"0", b"1"]
    assert sent.raw("correct_answers") == vector(b"\x011\0\0")


def test_what_older_layers_could_not_say_is_what_the_server_took_for_granted() -> None:
    assert up(V149("messages.getPollResults", peer=SELF, msg_id=1)).number("poll_hash") == 0
    assert up(V149("help.getAppConfig")).number("hash") == 0
    assert up(V149("channels.toggleForum", channel=CHANNEL, enabled=TRUE)).number("tabs") is False


def test_and_is_refused_where_an_older_owner_could_not_say_it() -> None:
    toggle = {"channel": CHANNEL, "enabled": TRUE}
    assert up(V229("channels.toggleForum", tabs=FALSE, **toggle), V229, V201).word.name == "channels.toggleForum"
    assert refused(V229("channels.toggleForum", tabs=TRUE, **toggle), V229, V201) == "channels.toggleForum.tabs"


def test_a_folder_has_a_title_with_entities() -> None:
    folder = V149("dialogFilter", id=2, title="work", pinned_peers=[], include_peers=[SELF], exclude_peers=[])
    asked = up(V149("messages.updateDialogFilter", id=2, filter=folder)).child("filter")
    assert asked is not None
    assert asked.raw("title") == V229("textWithEntities", text="work", entities=[])


def test_bold_is_not_lost_on_the_way_to_an_older_owner() -> None:
    bold = V229("messageEntityBold", offset=0, length=4)
    fancy = V229("textWithEntities", text="work", entities=[bold])
    folder = V229("dialogFilter", id=2, title=fancy, pinned_peers=[], include_peers=[], exclude_peers=[])
    asked = V229("messages.updateDialogFilter", id=2, filter=folder)
    assert up(asked, V229, V201).raw("filter") == folder
    assert refused(asked, V229, V149) == "textWithEntities"


def test_a_bool_became_a_flag() -> None:
    asked = V149("channels.toggleSignatures", channel=CHANNEL, enabled=TRUE)
    assert up(asked).has("signatures_enabled")
    assert not up(V149("channels.toggleSignatures", channel=CHANNEL, enabled=FALSE)).has("signatures_enabled")


def test_stories_were_of_users() -> None:
    v160 = Words(160)
    asked = v160("stories.readStories", user_id=V229("inputUser", user_id=1, access_hash=2), max_id=3)
    assert up(asked, v160).raw("peer") == V229("inputPeerUser", user_id=1, access_hash=2)
    assert up(v160("stories.togglePinned", id=[], pinned=TRUE), v160).raw("peer") == SELF


def test_an_advertisement_is_named_by_its_random_id() -> None:
    asked = up(V149("channels.viewSponsoredMessage", channel=CHANNEL, random_id=b"\x01x\0\0"))
    assert asked.word.name == "messages.viewSponsoredMessage" and asked.data("random_id") == b"x"


def test_what_has_no_word_is_refused_by_name() -> None:
    assert refused(V149("messages.getAllChats", except_ids=[])) == "messages.getAllChats"
    assert refused(V149("invokeWithoutUpdates", query=V149("messages.getAllChats", except_ids=[]))) == (
        "messages.getAllChats"
    )
    moved = V229("messages.sendMessage", peer=SELF, message="", random_id=7, schedule_repeat_period=86400)
    assert refused(moved, V229, V201) == "messages.sendMessage.schedule_repeat_period"
    live = V229("inputMediaTodo", todo=V229("todoList", title=V229("textWithEntities", text="", entities=[]), list=[]))
    sent = V229("messages.sendMedia", peer=SELF, media=live, message="", random_id=7)
    assert refused(sent, V229, V201) == "inputMediaTodo"


# ---- results


def test_a_history_for_the_oldest() -> None:
    bold = V229("messageEntityBold", offset=0, length=3)
    date = V229("messageEntityFormattedDate", offset=0, length=5, date=1)
    reply = V229("messageReplyHeader", reply_to_msg_id=4, quote=True, quote_text="x")
    found = told(
        from_id=ANNA, entities=[bold, date], reply_to=reply, paid_message_stars=3, views=5, forwards=6, effect=1
    )
    assert found.data("message") == b"hello"
    assert found.raw("entities") == vector(bold)
    assert (found.number("views"), found.number("forwards")) == (5, 6)
    header = found.child("reply_to")
    assert header is not None and header.number("reply_to_msg_id") == 4


@pytest.mark.parametrize(
    "reply",
    [
        V229("messageReplyStoryHeader", peer=ANNA, story_id=1),
        V229("messageReplyHeader", quote=True, quote_text="x"),  # to something elsewhere
    ],
)
def test_a_reply_that_an_older_layer_cannot_say_is_left_away(reply: bytes) -> None:
    assert not told(reply_to=reply).has("reply_to")


def test_unknown_media_is_unsupported_media() -> None:
    story = V229("messageMediaStory", peer=ANNA, id=4)
    assert told(media=story).raw("media") == V149("messageMediaUnsupported")


def test_an_unknown_action_is_an_empty_one() -> None:
    wallpaper = V229("messageActionBoostApply", boosts=1)
    service = V229("messageService", id=1, peer_id=ANNA, date=2, action=wallpaper)
    result = V229("messages.messages", messages=[service], topics=[], **NOBODY)
    found = V149.look(between(149).down("messages.getHistory", result)).children("messages")[0]
    assert found.word.name == "messageService" and found.raw("action") == V149("messageActionEmpty")


def test_unknown_reactions_are_left_out() -> None:
    paid = V229("reactionCount", reaction=V229("reactionPaid"), count=1)
    heart = V229("reactionCount", reaction=V229("reactionEmoji", emoticon="x"), count=2)
    found = told(reactions=V229("messageReactions", results=[paid, heart])).child("reactions")
    assert found is not None and [each.number("count") for each in found.children("results")] == [2]


def test_buttons_keep_their_places() -> None:
    def button(text: str, kind: bytes) -> bytes:
        return V229("keyboardInlineButton", text=text, type=kind)

    copy = V229("inlineButtonTypeCopy", copy_text="secret")
    row = V229(
        "keyboardInlineButtonRow",
        buttons=[button("a", copy), button("b", V229("inlineButtonTypeUrl", url="https://x"))],
    )
    found = told(reply_markup=V229("replyInlineMarkup", rows=[row]))
    buttons = [V149("keyboardButtonBuy", text="a"), V149("keyboardButtonUrl", text="b", url="https://x")]
    assert found.raw("reply_markup") == V149("replyInlineMarkup", rows=[V149("keyboardButtonRow", buttons=buttons)])


def test_buttons_of_an_older_owner() -> None:
    row = V201("keyboardButtonRow", buttons=[V201("keyboardButtonUrl", text="b", url="https://x")])
    found = told(V229, V201, reply_markup=V201("replyInlineMarkup", rows=[row]))
    button = V229("keyboardInlineButton", text="b", type=V229("inlineButtonTypeUrl", url="https://x"))
    row = V229("keyboardInlineButtonRow", buttons=[button])
    assert found.raw("reply_markup") == V229("replyInlineMarkup", rows=[row])


def test_a_keyboard_of_which_a_button_is_lost_is_lost() -> None:
    buttons = [V201("keyboardButton", text="a"), V201("keyboardButtonUrl", text="b", url="https://x")]
    for row, there in ((buttons[:1], True), (buttons, False)):  # a link belongs below a message, not there
        markup = V201("replyKeyboardMarkup", rows=[V201("keyboardButtonRow", buttons=row)])
        assert told(V229, V201, reply_markup=markup).has("reply_markup") is there


def test_a_poll_for_the_oldest() -> None:
    def text(what: str) -> bytes:
        return V229("textWithEntities", text=what, entities=[])

    answer = V229("pollAnswer", text=text("yes"), option=b"\x01\0\0\0")
    poll = V229("poll", id=1, question=text("Q"), answers=[answer], hash=5)
    voters = [ANNA, V229("peerChannel", channel_id=9)]
    media = V229("messageMediaPoll", poll=poll, results=V229("pollResults", recent_voters=voters))
    found = told(media=media).child("media")
    assert found is not None
    now, results = found.child("poll"), found.child("results")
    assert now is not None and now.data("question") == b"Q"
    assert [each.data("text") for each in now.children("answers")] == [b"yes"]
    assert results is not None and results.raw("recent_voters") == vector(struct.pack("<q", 5))


def test_a_user_keeps_what_the_layer_knows() -> None:
    color = V229("peerColor", color=3)
    anna = V229("user", id=5, first_name="Anna", color=color, stories_max_id=V229("recentStory", max_id=7))
    for old in (V149, V166, V181):
        found = old.look(between(old.layer).down("users.getUsers", vector(anna))[8:])
        assert found.word.name == "user" and found.data("first_name") == b"Anna"
        assert old is V149 or found.number("stories_max_id") == 7
    v166 = V166.look(between(166).down("users.getUsers", vector(anna))[8:])
    assert v166.number("color") == 3
    live = V229("user", id=5, stories_max_id=V229("recentStory", live=True))
    assert not V181.look(between(181).down("users.getUsers", vector(live))[8:]).has("stories_max_id")


def test_results_that_became_larger_are_cut_down() -> None:
    updates = V229("updates", updates=[], date=1, seq=0, **NOBODY)
    invited = V229("messages.invitedUsers", updates=updates, missing_invitees=[])
    assert between(149).down("channels.inviteToChannel", invited) == updates
    assert between(149).down("messages.createChat", invited) == updates
    joined = V229("messages.chatInviteJoinResultOk", updates=updates)
    assert between(149).down("messages.importChatInvite", joined) == updates
    filters = V229("messages.dialogFilters", filters=[V229("dialogFilterDefault")])
    assert between(149).down("messages.getDialogFilters", filters) == vector(V149("dialogFilterDefault"))
    read = V229("readParticipantDate", user_id=5, date=6)
    assert between(149).down("messages.getMessageReadParticipants", vector(read)) == vector(struct.pack("<q", 5))
    preview = V229("messages.webPagePreview", media=V229("messageMediaEmpty"), **NOBODY)
    assert between(149).down("messages.getWebPagePreview", preview) == V149("messageMediaEmpty")


def test_and_made_larger_where_the_owner_is_the_older_one() -> None:
    updates = V201("updates", updates=[], date=1, seq=0, **NOBODY)
    joined = V229("messages.chatInviteJoinResultOk", updates=updates)
    assert between(229, 201).down("messages.importChatInvite", updates) == joined


def test_errors_bools_and_numbers_pass() -> None:
    error = struct.pack("<Ii", 0x2144CA19, 420) + b"\x0cFLOOD_WAIT_5\0\0\0"
    assert between(149).down("messages.getHistory", error) == error
    assert between(149).down("account.updateStatus", TRUE) == TRUE
    numbers = vector(struct.pack("<i", 5), struct.pack("<i", 6))
    assert between(149).down("contacts.getContactIDs", numbers) == numbers
    part = V229("upload.file", type=V229("storage.fileJpeg"), mtime=1, bytes=b"\xfe\0\0\4" + bytes(1 << 18))
    assert between(149).down("upload.getFile", part) == part


def test_a_result_that_cannot_be_told_is_refused_by_name() -> None:
    with pytest.raises(Untranslatable, match=r"messages\.getEmojiGameInfo"):
        between(149).down("messages.getEmojiGameInfo", V229("messages.emojiGameUnavailable"))
    webview = V229("webViewResultUrl", url="https://x")
    with pytest.raises(Untranslatable, match="webViewResultUrl"):
        between(149).down("messages.requestWebView", webview)


def test_a_theme_is_an_emoticon() -> None:
    action = V229("messageActionSetChatTheme", theme=V229("chatTheme", emoticon="x"))
    service = V229("messageService", id=1, peer_id=ANNA, date=2, action=action)
    result = V229("messages.messages", messages=[service], topics=[], **NOBODY)
    found = V149.look(between(149).down("messages.getHistory", result)).children("messages")[0].child("action")
    assert found is not None and found.data("emoticon") == b"x"


def test_a_gift_lasts_months() -> None:
    action = V229("messageActionGiftPremium", currency="EUR", amount=1, days=90)
    service = V229("messageService", id=1, peer_id=ANNA, date=2, action=action)
    result = V229("messages.messages", messages=[service], topics=[], **NOBODY)
    found = V149.look(between(149).down("messages.getHistory", result)).children("messages")[0].child("action")
    assert found is not None and found.number("months") == 3


def test_a_draft_keeps_what_it_replies_to() -> None:
    reply = V229("inputReplyToMessage", reply_to_msg_id=4)
    draft = V229("updateDraftMessage", peer=ANNA, draft=V229("draftMessage", message="x", date=1, reply_to=reply))
    told_update = between(149).update(V229("updateShort", update=draft, date=1))
    update = V149.look(told_update).child("update")
    assert update is not None
    found = update.child("draft")
    assert found is not None and found.number("reply_to_msg_id") == 4


def test_topics_of_an_older_owner_belong_to_their_channel() -> None:
    settings = V201("peerNotifySettings")
    counts = ("top_message", "read_inbox_max_id", "read_outbox_max_id", "unread_count", "unread_mentions_count")
    rest: dict[str, Value] = dict.fromkeys((*counts, "unread_reactions_count", "icon_color", "date"), 0)
    topic = V201("forumTopic", id=2, title="T", from_id=ANNA, notify_settings=settings, **rest)
    forum = V201("channel", id=9, title="F", photo=V201("chatPhotoEmpty"), date=1, forum=True)
    result = {"count": 1, "topics": [topic], "messages": [], "users": [], "pts": 1}
    found = V229.look(
        between(229, 201).down("channels.getForumTopics", V201("messages.forumTopics", chats=[forum], **result))
    )
    assert found.children("topics")[0].raw("peer") == V229("peerChannel", channel_id=9)
    with pytest.raises(Untranslatable, match=r"forumTopic\.peer"):
        between(229, 201).down("channels.getForumTopics", V201("messages.forumTopics", chats=[], **result))
