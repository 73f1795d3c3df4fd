"""Archives: sessions in one sealed file, to be put back when the vault, its disk or a record is gone.

=================  ===================================================================================================
header             what an archive shows without a key: which sessions, when, of which vault
sealing            the file as bytes: how it is sealed, and opened; whether it is what was written
contents           what it hides: records, update states, peers, and what belongs to a whole vault
collecting         from the vault: every record opened once, what does not open left out by name
making             what was collected, under a header, sealed
returning          from an archive into the vault, as new generations
folder             where archives lie: stored whole or not at all, listed, thrown away
retention          which archives may go
spare              what could be put back, for whoever finds it gone
=================  ===================================================================================================
"""
