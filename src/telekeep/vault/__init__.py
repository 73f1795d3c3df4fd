"""Sessions at rest, sealed.

Imports ``session`` for what it keeps, ``lease`` for the name of a key, and the ground; nothing above it. Whoever only
lists what is kept (`telekeep status`) loads neither cryptography nor asyncio: sealing is loaded with the first record.

===================  =================================================================================================
vault                the verbs: keep, load, remove, rotate, accept; the whole
archived             its part for archives: made of it, put back into it
belonging            its part for what belongs to sessions besides: loans, endpoints, adoptions, logins, renewals
lagged               its part for what may be lost: update states, journals, peers, doubts, uses, checks
part                 what the parts share
record               what a record shows without a key: its name, its header, its entry
payload              what a record hides: the session as bytes
listing              the list of what is kept
seal                 how it hides it: AES-256-GCM, a data key per generation, wrapped by the master key
unlocking            which master key is in force, and when to ask for it again
unsealed             the records with the key at hand: opened, added, wrapped anew
lending              what belongs to a session besides: its loans, and where its gateway listens
adopted              what is known of adopted files: where they lie, what they held, whose keys are away
watched              which logins of an account are known, and alarms nobody has looked at
renewals             the plans of renewals and forks under way
standing             which generation is in force, and whether it is older than it should be
diagnosis            why a record does not open
keys/                where a master key comes from: file, passphrase, keyring, systemd credential
history              which generations may go
replaceable          files that may be lost: a damaged one is set aside, and said
highwater            how far each record had come, remembered outside the home
machine              which machine this is
archive/             sessions in one sealed file outside the vault: made, checked, put back
stores/              the two files: sessions.db never loses a write, lagging.db may
===================  =================================================================================================
"""
