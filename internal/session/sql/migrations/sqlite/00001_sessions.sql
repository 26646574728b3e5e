-- +goose Up
-- The key is the end of the id: an index over the ids would double the work of a lookup.
CREATE TABLE IF NOT EXISTS easgate_sessions (
  key        INTEGER NOT NULL PRIMARY KEY,
  id         BLOB    NOT NULL,
  version    INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  provider   TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  sid        TEXT    NOT NULL,
  value      TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS easgate_sessions_subject ON easgate_sessions (subject) WHERE subject <> '';
CREATE INDEX IF NOT EXISTS easgate_sessions_sid     ON easgate_sessions (sid) WHERE sid <> '';
CREATE INDEX IF NOT EXISTS easgate_sessions_expires ON easgate_sessions (expires_ms);

CREATE TABLE IF NOT EXISTS easgate_session_claims (
  name     BLOB    NOT NULL PRIMARY KEY,
  holder   TEXT    NOT NULL,
  until_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS easgate_session_claims_until ON easgate_session_claims (until_ms);

-- +goose Down
DROP TABLE easgate_session_claims;
DROP TABLE easgate_sessions;
