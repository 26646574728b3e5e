package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/lint"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/pipeline"
)

// judgeAll opens every candidate once, says what there is to say about it, and seals it natively if sealer is not nil.
func judgeAll(c *cli.CLI, compiler cli.Compiler, cfg *config.Config, found []candidate, sealer configtoken.Sealer) ([]migratedToken, []nativeToken, error) {
	list, native := []migratedToken{}, []nativeToken(nil)
	// Whatever the configuration refuses, such as plain tokens, is looked at all the same.
	lenient := *cfg
	lenient.TokenFormats, lenient.AllowPlainTokens, lenient.RequireSignedTokens = []string{"native", "eas"}, true, false
	k, keysErr := tokens.OpenKeys(&lenient)
	revoked, err := tokens.Revocations(cfg)
	if err != nil {
		return nil, nil, err
	}
	loose := *cfg
	loose.AllowEval = true // what it would do is judged, and that it needs permission is said apart
	check, done := compiler(&loose)
	defer done()
	j := judge{cfg, check}

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
			opener := k.URL
			if f.store != "" {
				opener = k.Stored
			}
			token, err = opener.Open(f.text)
		}
		if err != nil {
			t.Error = strings.TrimPrefix(err.Error(), "config token: ")
			list = append(list, t)
			continue
		}
		t.Opens, t.Format, t.JTI, t.State = true, tokens.FormatName(token.Format), token.ID, tokens.State(&token, revoked, c.Now())
		sealable := j.token(&t, &token)
		if sealer != nil && sealable && t.State == tokens.InForce && token.Format != configtoken.Native {
			text, err := sealer.Seal(token.Claims)
			if err != nil {
				t.Findings = append(t.Findings, remark{unsupported, lint.Finding{Path: "token", Text: err.Error()}})
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
		t.Findings = append(t.Findings, remark{kind, lint.Finding{Path: path, Text: text}})
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
		if f := lint.FindingOf(err); !strings.HasSuffix(f.Path, "].type") { // said below, with what it means
			add(unsupported, f.Path, f.Text)
		}
	}
	for _, f := range lint.Unsafe(j.compiler, token.Claims) {
		add(unsafe, f.Path, f.Text)
	}
	entries := lint.Plugins(token.Claims)
	last := len(entries) - 1
	for i, raw := range entries {
		name, remarks := j.plugin(i, raw, i == last && last > 0)
		t.Plugins, t.Findings = append(t.Plugins, name), append(t.Findings, remarks...)
	}
	lint.Queries("eas", token.Claims, func(path, engine, expr string, rule json.RawMessage) {
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
