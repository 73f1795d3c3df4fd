"""The one real connection to Telegram. The only room that speaks to it.

held        a stock telethon.TelegramClient that holds the lease for as long as it is connected
line        one holding's right to speak: checked before every send, ended once, for one reason
guarded     the Telethon connection that asks the line
writeback   the Telethon session that writes what changes into the vault
progress    update state between Telethon and us; when it may replace what is known
cast        the people and chats a session has met, found by id, user name, phone and name
endpoints   which addresses and RSA keys a network has, as Telethon wants them
faults      which error of ours an error of Telegram's is
fresh       a connection on a new key, for logging in
"""
