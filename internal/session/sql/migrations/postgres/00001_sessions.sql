-- +goose Up
CREATE TABLE IF NOT EXISTS easgate_sessions (
  id         BYTEA       NOT NULL PRIMARY KEY,
  version    BIGINT      NOT NULL,
  created_ms BIGINT      NOT NULL,
  expires_ms BIGINT      NOT NULL,
  provider   VARCHAR(64) NOT NULL,
  subject    VARCHAR(64) NOT NULL,
  sid        VARCHAR(64) NOT NULL,
  value      TEXT        NOT NULL
);
-- A sealed value does not compress.
ALTER TABLE easgate_sessions ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS easgate_sessions_subject ON easgate_sessions (subject) WHERE subject <> '';
CREATE INDEX IF NOT EXISTS easgate_sessions_sid     ON easgate_sessions (sid) WHERE sid <> '';
CREATE INDEX IF NOT EXISTS easgate_sessions_expires ON easgate_sessions (expires_ms);

CREATE TABLE IF NOT EXISTS easgate_session_claims (
  name     BYTEA       NOT NULL PRIMARY KEY,
  holder   VARCHAR(64) NOT NULL,
  until_ms BIGINT      NOT NULL
);
CREATE INDEX IF NOT EXISTS easgate_session_claims_until ON easgate_session_claims (until_ms);

-- +goose Down
DROP TABLE easgate_session_claims;
DROP TABLE easgate_sessions;
