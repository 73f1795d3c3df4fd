"""Where deadlines are kept: ``memory``, for one process; ``local``, a SQLite file for all processes of a home."""
