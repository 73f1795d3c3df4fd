"""What a session is, which network it belongs to, and the formats other programs keep it in.

Needs nothing but the ground: every format is parsed into, and written from, `model.Session`.
"""
