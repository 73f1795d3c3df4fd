"""A world of its own, and Ada's session kept in it: that of the keeper's tests."""

from __future__ import annotations

from keeper.conftest import keeper, main, own_world

__all__ = ["keeper", "main", "own_world"]
