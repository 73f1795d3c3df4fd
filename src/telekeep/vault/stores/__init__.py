"""The vault's files: SQLite, opened by `telekeep.database`.

``sessions`` is what must never be lost, with the ``belongings`` of each session; ``lagging`` what may lag, with the
``journal``.
"""
