"""A new authorization of the same account, made beside the old one: renewal puts it in its place, a fork keeps both.

plan         what is under way, and what a crash leaves to be done: states and moves, pure
planned      the plans in the vault
making       the new authorization, from its key to its peers; undone if it is not wanted after all
standing     whoever holds the old one: this process, the daemon's owner, or nobody any more
ending       a login that is ended with its own key
finish       what a crash has left: finished, or undone
renewal      what came of it, and asking the daemon for it
conversation questions of the daemon to the person who asked it
"""
