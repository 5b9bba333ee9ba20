-- One row per account at this provider. `{table}` is replaced with the quoted name, `{name}` with the bare one.
-- Constraints and indexes are named `ix_…`: a default such as `…_pkey` could be the name of another provider's table.
CREATE TABLE {table} (
    account_id TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    login TEXT,
    name TEXT,
    email TEXT,
    email_verified BIGINT NOT NULL CHECK (email_verified IN (0, 1, 2)),
    avatar_url TEXT,
    created_at BIGINT NOT NULL,
    last_sync BIGINT NOT NULL,
    CONSTRAINT "ix_{name}_pk" PRIMARY KEY (account_id)
);

CREATE UNIQUE INDEX "ix_{name}_user" ON {table} (user_id);
