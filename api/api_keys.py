"""Secrets of API keys: made here, shown once, and known afterwards by their hash alone."""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "pourplan_key_"
"""By this a key is told from an access token, and found by those who search for leaked secrets."""


def new_secret() -> str:
    """Make a secret of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Hash a secret; of so many random bits SHA-256 needs neither salt nor rounds."""
    return hashlib.sha256(secret.encode()).hexdigest()
