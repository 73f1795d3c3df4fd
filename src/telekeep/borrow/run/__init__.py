"""``telekeep run``: somebody else's program on a loan. Loads little, as the program waits for it.

run          the whole of it
program      which file a command is, and what will not work with it
environment  what the program finds in its environment and arguments (pure)
keyscan      auth keys in other people's text (pure)
folder       the private folder of a run; those that a killed one left
child        being its parent: signals, exit code
keeping      the loan lives as long as the program, and so does the daemon
"""
