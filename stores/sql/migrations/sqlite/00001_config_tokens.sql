-- +goose Up
CREATE TABLE IF NOT EXISTS config_tokens (
  id      TEXT    NOT NULL PRIMARY KEY,
  token   TEXT    NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE config_tokens_audit (
  seq      INTEGER PRIMARY KEY,
  at_ms    INTEGER NOT NULL,
  who      TEXT    NOT NULL,
  what     TEXT    NOT NULL,
  token_id TEXT    NOT NULL,
  digest   TEXT    NOT NULL
);

CREATE INDEX config_tokens_audit_token ON config_tokens_audit (token_id, seq);

-- +goose Down
DROP TABLE config_tokens_audit;
