"""An archive: the messages of chats, kept in a file or a database. Each once, none missing, whatever dies meanwhile.

verbs       what `telekeep archive` does: historical, monitor, test
terms       what a run is asked for, and what it has done
run         a line and a writer behind it, looked after until the work is done
news        what updates say about the chats (pure)
plan        what to fetch next, and what a page or a hole means for it (pure)
window      what happened while a page was on its way (pure)
rows        what is kept: messages, people, chats, files; and the batches they are committed in
reading     Telegram's objects as rows (pure)
naming      how a person names a chat (pure)          finding     which chat that is
line        a client on a loan, and everything it hears, in order, with its place
asking      requests: paced, repeated where the line was lost, never before Telegram's deadline
pacing      how fast, and how much a day (pure)
history     pages of a chat, from where it stopped         shown     a page as rows
writer      one queue to the store: pages and news in the order they came
media       files                           status      how a run ended, in one word
stats       export      what is done with what is kept
stores/     SQLite, JSON lines, PostgreSQL, behind one contract (`telekeep.testing.contracts.archives`)
"""
