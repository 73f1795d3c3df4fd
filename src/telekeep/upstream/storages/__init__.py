"""Storages for the libraries themselves: a program keeps its own client, and its key is still sealed, leased and
fenced.

===================  ===============================================================================================
held_record          a kept session, held by this process from `open` to `close`, and watched in between
telethon_session     `VaultSession`, for ``TelegramClient(VaultSession("main"), …)``
telethon_guard       how such a client comes to ask the line before every packet, and how it is stopped
kurigram_storage     `VaultStorage`, for ``Client("main", storage_engine=VaultStorage("main"))``
kurigram_guard       the same for kurigram
asker                whose question a session answers; without a client that it knows it gives no key
storage              Telethon 2's `Storage`: `MemorySession`, `SqliteSession`, and one over the vault
===================  ===============================================================================================

The lease is taken before the client can read the key, asked before every packet, and lost together with every
connection. What only `telekeep.client` gives: floods are noted and waited out, the login is proven, a dead key is set
aside. For Telethon 2, which has no release, nothing is asked between `load` and `close`
(`storage.VaultStorage` says why).
"""
