"""What each TL method is: answered here, never granted, only reading, or writing.

By TL name and by rule, not by what one release has: a method nobody here has heard of is a write, and in the rooms
where a mistake costs the account, the money or the chats it is not granted at all. Reads are listed one by one, because
their names promise nothing: getBotCallbackAnswer presses a button, getLocated shows where one is.
"""

from __future__ import annotations

import re
from typing import Any, Final


def _table(**rooms: str) -> frozenset[str]:
    return frozenset(f"{room}.{name}" for room, names in rooms.items() for name in names.split())


# Answered by the gateway itself, never sent on: about the borrower's own connection and its place in the journal.
LOCAL: Final = _table(
    auth="logOut exportAuthorization importAuthorization",
    help="getConfig getCdnConfig",
    updates="getState getDifference getChannelDifference",
)

TAKEOUT: Final = _table(account="initTakeoutSession finishTakeoutSession")  # core.telegram.org/api/takeout

# They change nothing that anybody could see, and tell nothing that outlives the loan.
READS: Final = _table(
    account="""checkUsername getAutoDownloadSettings getAutoSaveSettings getChannelDefaultEmojiStatuses
        getChannelRestrictedStatusEmojis getChatThemes getCollectibleEmojiStatuses getContactSignUpNotification
        getContentSettings getDefaultBackgroundEmojis getDefaultEmojiStatuses getDefaultGroupPhotoEmojis
        getDefaultProfilePhotoEmojis getGlobalPrivacySettings getMultiWallPapers getNotifyExceptions
        getNotifySettings getPrivacy getReactionsNotifySettings getRecentEmojiStatuses getSavedMusicIds
        getSavedRingtones getTheme getThemes getUniqueGiftChatThemes getWallPaper getWallPapers
        resolveBusinessChatLink""",
    aicompose="getTone getTones",
    bots="""canSendMessage checkDownloadFileParams checkUsername getAdminedBots getBotCommands getBotInfo
        getBotMenuButton getBotRecommendations getPopularAppBots getPreviewInfo getPreviewMedias""",
    channels="""checkSearchPostsFlood checkUsername exportMessageLink getAdminLog getAdminedPublicChannels
        getChannelRecommendations getChannels getForumTopics getForumTopicsByID getFullChannel getGroupsForDiscussion
        getInactiveChannels getLeftChannels getMessageAuthor getMessages getParticipant getParticipants getSendAs
        searchPosts""",
    chatlists="checkChatlistInvite getChatlistUpdates getExportedInvites getLeaveChatlistSuggestions",
    communities="getJoinedCommunities getParticipantJoinedChats getPeerLinkRequests",
    contacts="""getBirthdays getBlocked getContactIDs getContacts getSaved getSponsoredPeers getStatuses getTopPeers
        resolvePhone resolveUsername search""",
    ephemeral="getWelcomeMessages",
    fragment="getCollectibleInfo",
    help="""getAppConfig getAppUpdate getCountriesList getDeepLinkInfo getInviteText getNearestDc getPassportConfig
        getPeerColors getPeerProfileColors getPremiumPromo getPromoData getRecentMeUrls getSupport getSupportName
        getTermsOfServiceUpdate getTimezonesList getUserInfo""",
    langpack="getDifference getLangPack getLanguage getLanguages getStrings",
    messages="""checkChatInvite checkHistoryImport checkHistoryImportPeer checkQuickReplyShortcut getAdminsWithInvites
        getAllDrafts getAllStickers getArchivedStickers getAttachMenuBot getAttachMenuBots getAttachedStickers
        getAvailableEffects getAvailableReactions getBotApp getChatInviteImporters getChats getCommonChats
        getCustomEmojiDocuments getDefaultHistoryTTL getDefaultTagReactions getDhConfig getDialogFilters
        getDialogUnreadMarks getDialogs getDiscussionMessage getDocumentByHash getEmojiGameInfo getEmojiGroups
        getEmojiKeywords getEmojiKeywordsDifference getEmojiKeywordsLanguages getEmojiProfilePhotoGroups
        getEmojiStatusGroups getEmojiStickerGroups getEmojiStickers getExportedChatInvite getExportedChatInvites
        getExtendedMedia getFactCheck getFavedStickers getFeaturedEmojiStickers getFeaturedStickers getForumTopics
        getForumTopicsByID getFullChat getFutureChatCreatorAfterLeave getGameHighScores getHistory
        getInlineGameHighScores getMaskStickers getMessageEditData getMessageReactionsList getMessageReadParticipants
        getMessages getMessagesReactions getMessagesViews getMyStickers getOldFeaturedStickers getOnlines
        getOutboxReadDate getPaidReactionPrivacy getPeerDialogs getPeerSettings getPersonalChannelHistory
        getPinnedDialogs getPinnedSavedDialogs getPollResults getPollVotes getQuickReplies getQuickReplyMessages
        getRecentLocations getRecentReactions getRecentStickers getReplies getRichMessage getSavedDialogs
        getSavedDialogsByID getSavedGifs getSavedHistory getSavedReactionTags getScheduledHistory getScheduledMessages
        getSearchCounters getSearchResultsCalendar getSearchResultsPositions getSplitRanges getSponsoredMessages
        getStickerSet getStickers getSuggestedDialogFilters getTopReactions getUnreadMentions getUnreadPollVotes
        getUnreadReactions getWebPage search searchCustomEmoji searchEmojiStickerSets searchGlobal searchSentMedia
        searchStickerSets searchStickers""",
    payments="""checkCanSendGift checkGiftCode getCraftStarGifts getGiveawayInfo getPremiumGiftCodeOptions
        getResaleStarGifts getSavedStarGift getSavedStarGifts getStarGiftActiveAuctions getStarGiftAuctionState
        getStarGiftCollections getStarGiftUpgradeAttributes getStarGiftUpgradePreview getStarGifts getStarsGiftOptions
        getStarsGiveawayOptions getStarsRevenueStats getStarsStatus getStarsSubscriptions getStarsTopupOptions
        getStarsTransactions getStarsTransactionsByID getUniqueStarGift getUniqueStarGiftValueInfo""",
    phone="""checkGroupCall getCallConfig getGroupCall getGroupCallJoinAs getGroupCallStars getGroupCallStreamChannels
        getGroupParticipants""",
    photos="getUserPhotos",
    premium="getBoostsList getBoostsStatus getMyBoosts getUserBoosts",
    stats="""getBroadcastRevenueStats getBroadcastRevenueTransactions getBroadcastStats getMegagroupStats
        getMessagePublicForwards getMessageStats getPollStats getStoryPublicForwards getStoryStats loadAsyncGraph""",
    stickers="checkShortName suggestShortName",
    stories="""canSendStory exportStoryLink getAlbumStories getAlbums getAllReadPeerStories getAllStories getChatsToSend
        getPeerMaxIDs getPeerStories getPinnedStories getStoriesArchive getStoriesByID getStoriesViews
        getStoryReactionsList getStoryViewsList searchPosts""",
    # reuploadCdnFile: a part of a download, it asks the home data center to hand a file to the CDN
    upload="getCdnFile getCdnFileHashes getFile getFileHashes getWebFile reuploadCdnFile",
    users="getFullUser getRequirementsToContact getSavedMusic getSavedMusicByID getUsers",
)

_CHANGES_IF: Final = {"messages.getMessagesViews": "increment"}  # readers with a field that makes them write

# All that may be written of account.*: looks and notifications of one's own, nothing that opens a door.
_ACCOUNT: Final = TAKEOUT | _table(
    account="""clearRecentEmojiStatuses createTheme deleteAutoSaveExceptions installTheme installWallPaper reportPeer
        reportProfilePhoto resetNotifySettings resetWallPapers saveAutoDownloadSettings saveAutoSaveSettings saveMusic
        saveRingtone saveTheme saveWallPaper setContactSignUpNotification setReactionsNotifySettings updateBirthday
        updateColor updateEmojiStatus updateNotifySettings updatePersonalChannel updateProfile updateStatus updateTheme
        uploadRingtone uploadTheme uploadWallPaper"""
)

# Rooms where what is not listed above is never granted, and why.
_CLOSED: Final = {
    "account": "it could change who may log in, or what others learn of the account",
    "auth": "logins and authorizations are the owner's alone",
    "fragment": "Fragment is about money",
    "payments": "it could spend money, or tell who pays how",
    "smsjobs": "it would send text messages from one's own phone",
    "updates": "the state of updates is the owner's",
}

_OPEN: Final = frozenset(
    {"aicompose", "bots", "channels", "chatlists", "communities", "contacts", "ephemeral", "folders", "help"}
) | {"langpack", "messages", "phone", "photos", "premium", "stats", "stickers", "stories", "upload", "users"}

_NEVER: Final = {
    "bots.createBot": "it makes an account of its own, with a token that outlives the loan",
    "bots.editAccessSettings": "it says who may use a bot as its owner",
    "bots.exportBotToken": "it tells a bot's token",
    "channels.convertToGigagroup": "it cannot be undone",
    "channels.deleteChannel": "it takes a chat from everybody in it",
    "channels.editCreator": "it gives a chat away",
    "messages.deleteChat": "it takes a chat from everybody in it",
    "messages.editChatCreator": "it gives a chat away",
    "messages.getEmojiURL": "it makes a link that logs in to a web site",
    "messages.receivedQueue": "it would drop the secret messages of all others",
    "messages.toggleSuggestedPostApproval": "it could spend money",
    "phone.acceptCall": "calls are for people",
    "phone.confirmCall": "calls are for people",
    "phone.discardCall": "calls are for people",
    "phone.getGroupCallStreamRtmpUrl": "it tells the key that anyone could stream with",
    "phone.receivedCall": "calls are for people",
    "phone.requestCall": "calls are for people",
    "phone.sendSignalingData": "calls are for people",
}

# Words in the name of a method, of today or of later, and what they give it away as.
_WORDS: Final = {
    "it is about logins": re.compile(r"Passw|Passkey|Passport|Secure|AuthKey|Authoriz|Email|[lL]ogin|[sS]ign(?:In|Up)"),
    "it lets others in": re.compile(r"UrlAuth|WebAuth|BotToken|ConnectedBot|Business"),
    "it could give a chat away": re.compile(r"Creator|Owner"),
    "it could spend money": re.compile(
        r"Paid|Payment|Invoice|Purchas|Withdraw|Revenue|(?:Gift|Star|Ton)s?(?=[A-Z]|$)"  # and neither startBot nor Tone
    ),
}


def never(method: str) -> str | None:
    """Why no grant can allow ``method``, in a few words; None if one can."""
    if method in LOCAL or method in READS or method in _ACCOUNT:
        return None
    room, dot, name = method.partition(".")
    if not dot:
        return "it belongs to the protocol, not to the account"
    if room in _CLOSED:
        return _CLOSED[room]
    if room not in _OPEN:
        return "nobody has looked at it yet"
    if method in _NEVER:
        return _NEVER[method]
    return next((reason for reason, words in _WORDS.items() if words.search(name)), None)


def only_reads(method: str, request: Any) -> bool:
    """Whether this very request changes nothing."""
    if method not in READS:
        return False
    field = _CHANGES_IF.get(method)
    return field is None or not getattr(request, field, True)
