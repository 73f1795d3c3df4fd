"""Names that the worker and its tasks agree on."""

QUEUE = "telekeep.{session}"
"""The queue of a kept session's tasks."""
