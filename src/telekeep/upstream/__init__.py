"""The one real connection to Telegram. The only room that speaks to it.

held        a stock telethon.TelegramClient that holds the lease for as long as it is connected
sender      the sender of its main connection, which begins with the question who we are
calling     its calls: the ledger is asked first, and an answer may end the line
letting_go  how it lets its session go: by choice, with its line, or with its process
giving_way  how a held client gives way to another key of its account
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
faults/     what an error of Telegram's, of the line or of this machine is: its kind, and which error of ours
limited     what Telegram limits a request by: method and chat
subject     what deadlines are noted against: an account, or its key
patience    what a client does about waits and trouble: the ledger is asked, short waits are waited out, long ones said
circuit     a key that Telegram has declared dead is set aside, and nobody calls with it again
owned       the held client of an owner: it carries others' requests, and hands on every update
relay       requests that others made, sent as they are, and their answers as they came
box         the owner's message box: nothing lost, everything in order, with its pts
settle      what a difference holds, laid out along the line of pts
incoming    what has come in for a client and was not looked at yet
straight    a Telethon connection without queues between the socket and its user
carrier     the short way of relayed requests: packets made and read without Telethon's queue, tasks and readers
devices     who is logged in to an account, and the end of a login
acquainting the people and chats of an account, fetched anew: access hashes belong to an authorization
fresh       a connection on a new key, for logging in
"""
