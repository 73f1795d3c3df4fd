"""The borrower's side: a stock Telegram client on a loan, and the way to the daemon that gives it.

borrow      ``telekeep.client(NAME)``
client      the client: stock Telethon, with a loan in memory
dispatch    a Telethon client that forgets no update when it is disconnected
asking      the way to the daemon that runs, and asking it
summon      starting it where none runs
"""
