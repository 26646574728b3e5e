-- +goose Up
-- The collation keeps "Admin" and "admin" apart; its padding of trailing spaces is dealt with in Go.
CREATE TABLE IF NOT EXISTS config_tokens (
  id      VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  token   MEDIUMTEXT   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  revoked TINYINT      NOT NULL DEFAULT 0
);

CREATE TABLE config_tokens_audit (
  seq      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at_ms    BIGINT       NOT NULL,
  who      VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  what     VARCHAR(16)  NOT NULL,
  token_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  digest   CHAR(64)     NOT NULL,
  INDEX config_tokens_audit_token (token_id, seq)
);

-- +goose Down
DROP TABLE config_tokens_audit;
