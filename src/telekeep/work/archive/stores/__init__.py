"""Where an archive lies: one contract (`store`), three ways to keep it.

store       the contract          place       which of them a name means
sqlite      one file, with full-text search
jsonl       one file of JSON lines
postgresql  a database (the extra ``postgres``)
sql         what the two databases share
"""
