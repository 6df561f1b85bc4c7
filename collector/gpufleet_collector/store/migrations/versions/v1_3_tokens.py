"""Tokens: who may stream, read or administer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "1.3"
down_revision = "1.2"

INDEX_QUERIES = {
    "pk_tokens": "one token by what it is called: revoking it",
    "uq_tokens_digest": "that no two tokens are the same",
}


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(collation="C"), nullable=False, comment="The public part of the token"),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the token, which itself is nowhere kept"
        ),
        sa.Column("role", sa.Text(), nullable=False, comment="agent, viewer or admin"),
        sa.Column("name", sa.Text(), nullable=False, comment="What it is for, as whoever made it says"),
        sa.Column(
            "hosts", ARRAY(sa.Text()), nullable=False, comment="Patterns of the hosts it may speak for; none is any"
        ),
        _instant("created_at", "When it was made"),
        _instant("expires_at", "From when it is not valid any more; null is never", nullable=True),
        _instant("revoked_at", "Since when it is not valid any more; null while it is", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        comment="Who may stream, read or administer",
    )
    for name, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {name} IS '{query}'")


def _instant(name: str, comment: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)
