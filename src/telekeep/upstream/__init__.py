"""The one real connection to Telegram. The only room that speaks to it.

held        a stock telethon.TelegramClient that holds the lease for as long as it is connected
holding     the lease, the line and the record of one client, and how they are taken and given back
line        one holding's right to speak: checked before every send, ended once, for one reason
guarded     the Telethon connection that asks the line
unshared    the connection below it, in which no forked child has a part
pacing      how long to wait before connecting again
writeback   the Telethon session that notes what changes
record      what is known of a kept session, and what of that the vault has not been told yet
progress    update state between Telethon and us; when it may replace what is known
cast        the people and chats a session has met, found by id, user name, phone and name
endpoints   which addresses and RSA keys a network has, as Telethon wants them
faults      which error of ours an error of Telegram's is
loading     Telethon, loaded without the garbage collector in the way
fresh       a connection on a new key, for logging in
"""
