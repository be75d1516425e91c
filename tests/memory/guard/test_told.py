"""Credentials that people tell: covered; what is written about credentials: kept."""

from __future__ import annotations

import pytest

from groma.memory.guard import examine
from groma.memory.guard.told import mask


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=k9Jw2pQx7Lm1", "export PGPASSWORD=hunter2\n", "password: hunter2", 'the "password" => "tr0ub4dor&3"', "PASSWORD='abc123'",
        "API_KEY=abcd1234efgh5678", "the staging token: 9f8e7d6c5b4a3f2e", "The password is k9Jw2pQx7Lm1 and it changes monthly.",
        "the password for the staging host is hunter2.", "Root's password was set to horse-battery-9", "the secret is `abc12345`",
        "My API key is Zx81-Spectrum-48k", "client_secret = 1a2B3c4D",
    ],
)  # fmt: skip
def test_covered(text: str) -> None:
    shown, masked = mask(text)
    assert masked and "***" in shown and len(shown) == len(text), shown
    assert mask(shown) == (shown, False) or mask(shown)[0] == shown
    verdict = examine(text)
    assert verdict.masked and verdict.action == "accept" and verdict.text.strip() == shown.strip()


@pytest.mark.parametrize(
    "text",
    [
        "The password is hashed with argon2id", "The token is base64", "password: sha256-crypt", "token = settings.API_TOKEN_2", "secret: v2",
        "DB_PASSWORD=$DB_PASSWORD_2", "password=<your password here 1>", "the password is example123", "API_KEY=your-api-key-1234",
        "The token is valid for 24h", "secret=/run/secrets/db2", "password: required since 2.3", "The pin is 3.11.7", "token: https://host/a1",
        "The secret is rotated every 90 days", "tokens: 1500 a briefing", "the key is utf8mb4", "password == other.password2",
    ],
)  # fmt: skip
def test_kept(text: str) -> None:
    assert mask(text) == (text, False)
