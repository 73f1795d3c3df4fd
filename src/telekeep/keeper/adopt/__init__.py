"""Adopting a file: the real key in it goes into the vault, and a loan takes its place; and the way back.

===========  =========================================================================================================
verb         adopt
undo         put the real key back; forget a file
listing      what was adopted, and what the files hold now
adoption     what is known of an adopted file: a value
ledger       the adoptions of a vault, and the loans in their files
originals    what the files held before
plan         what a file holds, who uses it, what its sessions are called
places/      where programs keep sessions: one file for each kind
lending      the loans that are put in
swap         replacing a file's content whole or not at all
users        who has a file open, or speaks with Telegram
copies       traces of a key in other files
===========  =========================================================================================================
"""
