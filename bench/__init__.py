"""Figures, each a ratio taken side by side in one run: never an absolute time."""
