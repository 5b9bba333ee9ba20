-- Times are UTC microseconds since 1970, flags are 0 or 1, hashes are 32 bytes of SHA-256.
-- NOT NULL stands wherever the host reads no absence, as on SQLite.
-- Keys are compared byte by byte ("C"), as on SQLite: what a locale calls equal or less changes with the system's libraries,
-- and an index that was built before such a change finds no row any more.

-- The oldest host that may use this database; a contracting migration raises it.
CREATE TABLE schema_info (
    id BIGINT CONSTRAINT ix_schema_info_pk PRIMARY KEY CHECK (id = 1),
    min_host TEXT NOT NULL
);

INSERT INTO schema_info (id, min_host) VALUES (1, '0.1.0');

-- Every provider that ever started here; its rows outlive its section of the configuration.
CREATE TABLE providers (
    name TEXT COLLATE "C" NOT NULL CONSTRAINT ix_providers_pk PRIMARY KEY,
    plugin TEXT NOT NULL,
    realm TEXT NOT NULL,
    table_revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- An id is public and never comes back for another person; a sign-in that is taken back leaves a gap.
CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT ix_users_pk PRIMARY KEY,
    username TEXT NOT NULL,
    canon_username TEXT COLLATE "C" NOT NULL,
    primary_provider TEXT COLLATE "C" NOT NULL REFERENCES providers (name),
    created_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX ix_users_canon_username ON users (canon_username);
CREATE INDEX ix_users_primary_provider ON users (primary_provider);

CREATE TABLE identities (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT COLLATE "C" NOT NULL REFERENCES providers (name),
    account_id TEXT COLLATE "C" NOT NULL,
    linked_at BIGINT NOT NULL,
    public BIGINT NOT NULL DEFAULT 0 CHECK (public IN (0, 1)),
    CONSTRAINT ix_identities_pk PRIMARY KEY (user_id, provider)
);

CREATE UNIQUE INDEX ix_identities_account ON identities (provider, account_id);

-- `application` is NULL for the server's own origin; a session elsewhere has a parent and goes with it.
CREATE TABLE sessions (
    token_hash BYTEA NOT NULL CHECK (octet_length(token_hash) = 32),
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application TEXT,
    parent BYTEA REFERENCES sessions (token_hash) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT ix_sessions_pk PRIMARY KEY (token_hash)
);

CREATE INDEX ix_sessions_user ON sessions (user_id);
CREATE INDEX ix_sessions_parent ON sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX ix_sessions_last_seen ON sessions (last_seen);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

-- `provider` has no foreign key: an attempt lives ten minutes, and nothing is decided by it but what it says itself.
CREATE TABLE login_attempts (
    state_hash BYTEA NOT NULL CHECK (octet_length(state_hash) = 32),
    browser_hash BYTEA NOT NULL CHECK (octet_length(browser_hash) = 32),
    provider TEXT COLLATE "C" NOT NULL,
    purpose TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    expected_iss TEXT,
    nonce TEXT NOT NULL,
    code_verifier TEXT NOT NULL,
    carry TEXT NOT NULL,
    return_path TEXT NOT NULL,
    settings_digest BYTEA NOT NULL CHECK (octet_length(settings_digest) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT ix_login_attempts_pk PRIMARY KEY (state_hash)
);

CREATE INDEX ix_login_attempts_browser ON login_attempts (browser_hash, created_at);
CREATE INDEX ix_login_attempts_user ON login_attempts (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX ix_login_attempts_expires_at ON login_attempts (expires_at);
