package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/pipeline"
)

// judgeAll opens every candidate once, says what there is to say about it, and seals it natively if sealer is not nil.
func (c *cli) judgeAll(cfg *config.Config, found []candidate, sealer configtoken.Sealer) ([]migratedToken, []nativeToken, error) {
	list, native := []migratedToken{}, []nativeToken(nil)
	// Whatever the configuration refuses, such as plain tokens, is looked at all the same.
	lenient := *cfg
	lenient.TokenFormats, lenient.AllowPlainTokens, lenient.RequireSignedTokens = []string{"native", "eas"}, true, false
	k, keysErr := openKeys(&lenient)
	revoked, err := revocations(cfg)
	if err != nil {
		return nil, nil, err
	}
	loose := *cfg
	loose.AllowEval = true // what it would do is judged, and that it needs permission is said apart
	compiler, _, done := compiler(&loose, slog.New(slog.DiscardHandler), c.now)
	defer done()
	j := judge{cfg, compiler}

	type key struct {
		text   string
		stored bool
	}
	seen := map[key]int{}
	for _, f := range found {
		at := key{f.text, f.store != ""}
		if i, ok := seen[at]; ok {
			list[i].Sources = append(list[i].Sources, f.source)
			continue
		}
		seen[at] = len(list)
		sum := sha256.Sum256([]byte(f.text))
		t := migratedToken{Sources: []string{f.source}, Digest: hex.EncodeToString(sum[:6]), Bytes: len(f.text), Findings: []remark{}}
		var token configtoken.Token
		err := keysErr
		if err == nil {
			opener := k.url
			if f.store != "" {
				opener = k.stored
			}
			token, err = opener.Open(f.text)
		}
		if err != nil {
			t.Error = strings.TrimPrefix(err.Error(), "config token: ")
			list = append(list, t)
			continue
		}
		t.Opens, t.Format, t.JTI, t.State = true, formatName(token.Format), token.ID, "in force"
		if err := token.Check(c.now()); err != nil {
			t.State = strings.TrimPrefix(err.Error(), "config token: ")
		} else if token.ID != "" && revoked.Revoked(token.ID) {
			t.State = "revoked"
		}
		sealable := j.token(&t, &token)
		if sealer != nil && sealable && t.State == "in force" && token.Format != configtoken.Native {
			text, err := sealer.Seal(token.Claims)
			if err != nil {
				t.Findings = append(t.Findings, remark{unsupported, finding{"token", err.Error()}})
			} else {
				t.Native = len(text)
				native = append(native, nativeToken{nil, f.store, f.id, t.Digest, text})
			}
		}
		list = append(list, t)
	}
	for i := range native {
		for _, t := range list {
			if t.Digest == native[i].Digest {
				native[i].Sources = t.Sources
			}
		}
	}
	return list, native, nil
}

// A judge says what there is to say about opened config tokens.
type judge struct {
	cfg      *config.Config
	compiler *pipeline.Compiler
}

// token fills in what token says, and reports whether it can be sealed natively as it is.
func (j *judge) token(t *migratedToken, token *configtoken.Token) (sealable bool) {
	add := func(kind remarkKind, path, text string) {
		t.Findings = append(t.Findings, remark{kind, finding{path, text}})
	}
	if token.Format == configtoken.Plain && !j.cfg.AllowPlainTokens {
		add(unsupported, "token", "plain, and EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS is not set")
	}
	if token.Pointer != (configtoken.Pointer{}) {
		t.Pointer = &token.Pointer
		var entries map[string]json.RawMessage
		if _ = json.Unmarshal(j.cfg.Stores, &entries); entries[token.Pointer.StoreID] == nil {
			add(unsupported, "eas.config_token_store_id", "there is no such store in the configuration")
		}
		return true
	}
	for _, err := range j.compiler.Problems(token.Claims, token.Format) {
		if f := findingOf(err); !strings.HasSuffix(f.Path, "].type") { // said below, with what it means
			add(unsupported, f.Path, f.Text)
		}
	}
	for _, f := range unsafeIn(j.compiler, token.Claims) {
		add(unsafe, f.Path, f.Text)
	}
	entries := pluginsOf(token.Claims)
	last := len(entries) - 1
	for i, raw := range entries {
		name, remarks := j.plugin(i, raw, i == last && last > 0)
		t.Plugins, t.Findings = append(t.Plugins, name), append(t.Findings, remarks...)
	}
	queries("eas", token.Claims, func(path, engine, expr string, rule json.RawMessage) {
		t.Findings = append(t.Findings, j.query(path, engine, expr, rule)...)
	})
	problems := j.compiler.Problems(token.Claims, configtoken.Native)
	for _, err := range problems {
		add(unsupported, "native", "not sealed natively as it is: "+err.Error())
	}
	slices.SortStableFunc(t.Findings, func(a, b remark) int { return weight(a.Kind) - weight(b.Kind) })
	return len(problems) == 0
}

func weight(k remarkKind) int { return slices.Index([]remarkKind{unsupported, unsafe, differs}, k) }
