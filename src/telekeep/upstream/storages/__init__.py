"""Storages for the libraries themselves: a program keeps its own client, and its key is still sealed, leased and
fenced.

===================  ===============================================================================================
held_record          a kept session, held by this process from `open` to `close`
telethon_session     `VaultSession`, for ``TelegramClient(VaultSession("main"), …)``
kurigram_storage     `VaultStorage`, for ``Client("main", storage_engine=VaultStorage("main"))``
storage              Telethon 2's `Storage`: `MemorySession`, `SqliteSession`, and one over the vault
===================  ===============================================================================================

What only `telekeep.client` gives: the lease is asked before every packet there, floods are waited out, the login is
proven. Here the lease is taken before the client can read the key, and asked at every write.
"""
