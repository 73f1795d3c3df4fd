"""The world in TL words, as one authorization is allowed to see it."""
