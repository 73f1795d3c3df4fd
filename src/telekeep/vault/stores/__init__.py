"""The vault's files: SQLite, opened by `telekeep.database`.

``sessions`` is what must never be lost, with the ``belongings`` of each session and the ``quarantine`` of dead keys;
``lagging`` what may lag, with the ``journal`` and the ``checks``. ``copies`` takes what lags to archives and back, and
``packs`` are the peers that came back so.
"""
