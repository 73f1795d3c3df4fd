"""From nothing to an authorization: the flow (pure), the questions behind a `Prompt`, the budget, the ways to log in.

Nothing outside this room asks Telegram for a login code, and nothing in it reads standard input.
"""
