-- One row per account at this provider. `{table}` is replaced with the quoted name, `{name}` with the bare one.
-- Constraints and indexes are named `ix_…`: a default such as `…_pkey` could be the name of another provider's table.
CREATE TABLE {table} (
    account_id TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    login TEXT,
    name TEXT,
    email TEXT,
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1, 2)),
    avatar_url TEXT,
    created_at INTEGER NOT NULL,
    last_sync INTEGER NOT NULL,
    CONSTRAINT "ix_{name}_pk" PRIMARY KEY (account_id)
) STRICT;

CREATE UNIQUE INDEX "ix_{name}_user" ON {table} (user_id);
