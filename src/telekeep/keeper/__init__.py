"""The rooms put together: a file for each verb that spans rooms.

keeper     the rooms of one home on one network     client     a Telegram client that holds its session
probe      is a session alive?                      auth       from nothing to a kept session
transfer   sessions in and out                      devices    the logins of an account: shown, and ended
watching   looking at them, with what is known
"""
