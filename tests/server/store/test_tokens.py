"""Bearer tokens."""

from __future__ import annotations

from sqlalchemy import text
from trimtab_server.store import tokens
from trimtab_server.store.database import Database


def test_the_secret_is_nowhere_in_the_store(database: Database) -> None:
    token, secret = tokens.mint("laptop", "operator", 1)
    with database.write() as connection:
        tokens.add(connection, token)
    with database.read() as connection:
        row = str(connection.execute(text("SELECT * FROM tokens")).first())
    assert secret not in row
    assert secret.rsplit("_", 1)[1] not in row


def test_a_secret_leads_to_its_token_and_no_other_fits() -> None:
    (first, secret), (second, _) = tokens.mint("a", "admin", 1), tokens.mint("b", "admin", 1)
    assert tokens.id_of(secret) == first.id
    assert first.matches(secret)
    assert not second.matches(secret)
    assert not first.matches(secret[:-1])
    assert len(secret.split("_", 2)[2]) == 43, "256 bits as base64"


def test_what_is_no_secret_of_ours_leads_nowhere() -> None:
    assert [tokens.id_of(text) for text in ("", "abc", "a_b_c", "trimtab_x")] == [None] * 4


def test_revoking_again_keeps_the_first_time(database: Database) -> None:
    token, _ = tokens.mint("a", "viewer", 1)
    with database.write() as connection:
        tokens.add(connection, token)
        tokens.revoke(connection, token.id, 5)
        tokens.revoke(connection, token.id, 9)
        found = tokens.find(connection, token.id)
    assert found is not None
    assert found.revoke_time == 5
