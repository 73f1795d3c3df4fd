"""The borrower's side: a stock Telegram client on a loan, and the way to the daemon that gives it.

borrow       ``telekeep.client(NAME)``
client       the client: stock Telethon, with a loan in memory
dispatch     a Telethon client that forgets no update when it is disconnected
random_ids   requests that are the same when the same work is done again
job          ``@telekeep.job``
cursor       how far a program's own work has come, on disk
loan         what the daemon gives to a program of ours
application  whom programs on a loan log in as
asking       the way to the daemon that runs, and asking it
summon       starting it where none runs
run/         ``telekeep run``: other people's programs
hook/        what it puts into them
"""
