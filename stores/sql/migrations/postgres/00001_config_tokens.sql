-- +goose Up
CREATE TABLE IF NOT EXISTS config_tokens (
  id      VARCHAR(255) NOT NULL PRIMARY KEY,
  token   TEXT         NOT NULL,
  revoked SMALLINT     NOT NULL DEFAULT 0
);

CREATE TABLE config_tokens_audit (
  seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms    BIGINT       NOT NULL,
  who      VARCHAR(255) NOT NULL,
  what     VARCHAR(16)  NOT NULL,
  token_id VARCHAR(255) NOT NULL,
  digest   CHAR(64)     NOT NULL
);

CREATE INDEX config_tokens_audit_token ON config_tokens_audit (token_id, seq);

-- +goose Down
DROP TABLE config_tokens_audit;
