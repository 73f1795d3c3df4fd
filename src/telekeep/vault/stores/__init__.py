"""The vault's files: SQLite, behind one border where its errors become ours.

``database`` opens, upgrades and maps errors; ``sessions`` is what must never be lost, with the ``belongings`` of each
session; ``lagging`` what may lag, with the ``journal``.
"""
