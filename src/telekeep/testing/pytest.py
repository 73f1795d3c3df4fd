"""pytest fixtures for programs that speak to Telegram."""
