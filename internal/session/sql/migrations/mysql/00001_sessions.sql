-- +goose Up
CREATE TABLE IF NOT EXISTS easgate_sessions (
  id         BINARY(32) NOT NULL PRIMARY KEY,
  version    BIGINT     NOT NULL,
  created_ms BIGINT     NOT NULL,
  expires_ms BIGINT     NOT NULL,
  provider   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sid        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value      MEDIUMTEXT  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  INDEX easgate_sessions_subject (subject),
  INDEX easgate_sessions_sid (sid),
  INDEX easgate_sessions_expires (expires_ms)
);

CREATE TABLE IF NOT EXISTS easgate_session_claims (
  name     BINARY(32)  NOT NULL PRIMARY KEY,
  holder   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  until_ms BIGINT      NOT NULL,
  INDEX easgate_session_claims_until (until_ms)
);

-- +goose Down
DROP TABLE easgate_session_claims;
DROP TABLE easgate_sessions;
