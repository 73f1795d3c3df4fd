"""The vault's files: SQLite, behind one border where its errors become ours.

``database`` opens and maps errors, ``sessions`` is what must never be lost, ``lagging`` what may lag.
"""
