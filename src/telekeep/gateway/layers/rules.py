"""Where names alone do not say what a word of one layer is in another. Every line has its reason.

Between two layers a word, and a field, is taken to be what has the same name. All rules are looked up by name and are
used only where the names differ, so each serves every pair of layers that it fits, in both directions.

What is lost on the way. Of a request nothing: a field that is set and has no word in the other layer is refused by its
name, unless DROPPED says that nobody asked for anything by it. Of results and updates: an element that has no word is
left out of its vector, an optional field is left away, and where neither is possible the object is replaced
(`fallbacks`) or goes the same way itself. A field that must be there and that the other layer never knew is zero,
empty or false, except those in NEVER_NEUTRAL.
"""

from __future__ import annotations

from typing import Final


def _both_ways(*pairs: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one, other in pairs:
        found[one] = (*found.get(one, ()), other)
        found[other] = (*found.get(other, ()), one)
    return found


# Words that are the same thing under two names.
SYNONYMS: Final = _both_ways(
    # forums of channels became topics of any peer (layer 216)
    ("channels.createForumTopic", "messages.createForumTopic"),
    ("channels.deleteTopicHistory", "messages.deleteTopicHistory"),
    ("channels.editForumTopic", "messages.editForumTopic"),
    ("channels.getForumTopics", "messages.getForumTopics"),
    ("channels.getForumTopicsByID", "messages.getForumTopicsByID"),
    ("channels.reorderPinnedForumTopics", "messages.reorderPinnedForumTopics"),
    ("channels.updatePinnedForumTopic", "messages.updatePinnedForumTopic"),
    ("updateChannelPinnedTopic", "updatePinnedForumTopic"),
    ("updateChannelPinnedTopics", "updatePinnedForumTopics"),
    ("channels.editCreator", "messages.editChatCreator"),
    # advertisements moved to messages (layer 193)
    ("channels.clickSponsoredMessage", "messages.clickSponsoredMessage"),
    ("channels.getSponsoredMessages", "messages.getSponsoredMessages"),
    ("channels.reportSponsoredMessage", "messages.reportSponsoredMessage"),
    ("channels.viewSponsoredMessage", "messages.viewSponsoredMessage"),
    # what belonged to users belongs to peers (layer 165)
    ("stories.getUserStories", "stories.getPeerStories"),
    ("stories.getAllReadUserStories", "stories.getAllReadPeerStories"),
    ("contacts.toggleStoriesHidden", "stories.togglePeerStoriesHidden"),
    ("users.getStoriesMaxIDs", "stories.getPeerMaxIDs"),
    ("userStories", "peerStories"),
    ("stories.userStories", "stories.peerStories"),
    ("messageUserVote", "messagePeerVote"),
    ("messageUserVoteInputOption", "messagePeerVoteInputOption"),
    ("messageUserVoteMultiple", "messagePeerVoteMultiple"),
    # one answer for every kind of web view (layer 188)
    ("simpleWebViewResultUrl", "webViewResultUrl"),
    ("appWebViewResultUrl", "webViewResultUrl"),
    # an end became a field of its own (layer 199)
    ("emojiStatusUntil", "emojiStatus"),
    # inline keyboards have rows and buttons of their own (layer 229); for the buttons see `buttons`
    ("keyboardButtonRow", "keyboardInlineButtonRow"),
    # boosts moved to premium (layer 166)
    ("stories.getBoostsStatus", "premium.getBoostsStatus"),
    ("stories.boostsStatus", "premium.boostsStatus"),
    # exceptions from paid messages are told of any peer's topics (layer 214)
    ("account.addNoPaidMessagesException", "account.toggleNoPaidMessagesException"),
)

# Fields that are the same under two names, by the name that their word has in either layer.
_FIELDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "channels.createForumTopic": (("channel", "peer"),),
    "channels.deleteTopicHistory": (("channel", "peer"),),
    "channels.editForumTopic": (("channel", "peer"),),
    "channels.getForumTopics": (("channel", "peer"),),
    "channels.getForumTopicsByID": (("channel", "peer"),),
    "channels.reorderPinnedForumTopics": (("channel", "peer"),),
    "channels.updatePinnedForumTopic": (("channel", "peer"),),
    "channels.editCreator": (("channel", "peer"),),
    "channels.getSponsoredMessages": (("channel", "peer"),),
    "channels.toggleSignatures": (("enabled", "signatures_enabled"),),
    "contacts.toggleStoriesHidden": (("id", "peer"),),
    "stories.getUserStories": (("user_id", "peer"),),
    "inputReplyToStory": (("user_id", "peer"),),
    "messageMediaStory": (("user_id", "peer"),),
    "inputMediaStory": (("user_id", "peer"),),
    "messageReplyStoryHeader": (("user_id", "peer"),),
    "updateStory": (("user_id", "peer"),),
    "updateReadStories": (("user_id", "peer"),),
    "updateSentStoryReaction": (("user_id", "peer"),),
    "userStories": (("user_id", "peer"),),
    "stories.allStories": (("user_stories", "peer_stories"),),
    "webPageAttributeStory": (("user_id", "peer"),),
    "storyView": (("user_id", "peer_id"),),
    "messageUserVote": (("user_id", "peer"),),
    "messageUserVoteInputOption": (("user_id", "peer"),),
    "messageUserVoteMultiple": (("user_id", "peer"),),
    "updateMessagePollVote": (("user_id", "peer"),),
    "updateChannelPinnedTopic": (("channel_id", "peer"),),
    "updateChannelPinnedTopics": (("channel_id", "peer"),),
    "messageActionSetChatTheme": (("emoticon", "theme"),),
    "messages.setChatTheme": (("emoticon", "theme"),),
    "userFull": (("theme_emoticon", "theme"),),
    "starsTransaction": (("stars", "amount"),),
    "messageMediaDocument": (("alt_document", "alt_documents"),),
    "messageActionRequestedPeer": (("peer", "peers"),),
    "messages.sendBotRequestedPeer": (("requested_peer", "requested_peers"),),
    # stories were users' alone (until layer 164)
    "stories.exportStoryLink": (("user_id", "peer"),),
    "stories.getPinnedStories": (("user_id", "peer"),),
    "stories.getStoriesByID": (("user_id", "peer"),),
    "stories.incrementStoryViews": (("user_id", "peer"),),
    "stories.readStories": (("user_id", "peer"),),
    "stories.report": (("user_id", "peer"),),
    "stories.sendReaction": (("user_id", "peer"),),
}


def _renamed() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for word, pairs in _FIELDS.items():
        for name in (word, *SYNONYMS.get(word, ())):
            for one, other in pairs:
                found[name, one] = (other,)
                found[name, other] = (one,)
    return found


RENAMED: Final = _renamed()
"""By word and field of the target: what the field is called in the source."""

# What a request says where an older layer could not say anything: what the server took for granted then. Towards an
# older layer such a field is left away if it says just this, and refused otherwise.
NEUTRAL: Final[dict[tuple[str, str], int | bool | str | bytes]] = {
    ("channels.toggleForum", "tabs"): False,  # topics one below the other, as there was nothing else
    ("help.getAppConfig", "hash"): 0,  # "I have none"
    ("messages.getPollResults", "poll_hash"): 0,  # "I have none"
    ("poll", "hash"): 0,  # what current clients send with a new poll
    ("autoDownloadSettings", "small_queue_active_operations_max"): 0,
    ("autoDownloadSettings", "large_queue_active_operations_max"): 0,
    # stories were one's own (until layer 164)
    **{
        (f"stories.{name}", "peer"): b"\xc9~\xa0}"  # inputPeerSelf
        for name in (
            "canSendStory",
            "deleteStories",
            "editStory",
            "getStoriesArchive",
            "getStoriesViews",
            "getStoryViewsList",
            "sendStory",
            "togglePinned",
        )
    },
}

# Fields of requests by which nobody asks for anything.
DROPPED: Final = frozenset(
    {
        ("stickers.createStickerSet", "animated"),  # the server sees it by the files (since layer 152)
        ("stickers.createStickerSet", "videos"),
        ("messages.getPollResults", "poll_hash"),  # without it the answer is never "not modified"
        # an advertisement is named by its random_id alone (since layer 201)
        *(
            (f"{room}.{name}SponsoredMessage", field)
            for room, field in (("channels", "channel"), ("messages", "peer"))
            for name in ("click", "report", "view")
        ),
    }
)

# Fields of results that mean something else when they are 0 or empty: what has them goes instead.
NEVER_NEUTRAL: Final = frozenset(
    {
        ("messageReplyHeader", "reply_to_msg_id"),  # a reply to a story, or within a topic, is no reply to message 0
        ("urlAuthResultAccepted", "url"),
        ("webViewResultUrl", "query_id"),
        ("pollAnswerVoters", "voters"),
        ("messageActionBotAllowed", "domain"),
        ("updateGroupCall", "chat_id"),
        ("updateMessagePollVote", "user_id"),
    }
)

# Vectors whose elements are known by their position: none may be left out.
WHOLE_VECTORS: Final = frozenset(
    {
        "keyboardButtonRow.buttons",
        "keyboardInlineButtonRow.buttons",
        "replyInlineMarkup.rows",
        "replyKeyboardMarkup.rows",
        "poll.answers",
        "messages.forumTopics.topics",  # or a forum of which nothing can be told would seem to have no topics
        "pageTable.rows",
        "pageTableRow.cells",
        "users.getUsers",
    }
)
