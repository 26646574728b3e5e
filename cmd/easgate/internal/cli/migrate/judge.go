package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/lint"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/pipeline"
)

// A judge says what there is to say about config tokens.
type judge struct {
	cfg      *config.Config
	compiler *pipeline.Compiler
	keys     *tokens.Keys
	// keysErr is why there are no keys.
	keysErr error
	revoked *configtoken.Revocations
	// sealer seals natively, nil when nothing is to be sealed.
	sealer configtoken.Sealer
	now    time.Time
}

// judgeAll opens every candidate once, says what there is to say about it, and seals it natively if sealer is not nil.
func judgeAll(c *cli.CLI, compiler cli.Compiler, cfg *config.Config, found []candidate, sealer configtoken.Sealer) (
	list []migratedToken, native []nativeToken, err error) {
	j := judge{cfg: cfg, sealer: sealer, now: c.Now()}
	// Whatever the configuration refuses, such as plain tokens, is looked at all the same.
	lenient := *cfg
	lenient.TokenFormats, lenient.AllowPlainTokens, lenient.RequireSignedTokens = []string{"native", "eas"}, true, false
	lenient.AllowEval = true // what JavaScript would do is judged, and that it needs permission is said apart
	j.keys, j.keysErr = tokens.OpenKeys(&lenient)
	if j.revoked, err = tokens.Revocations(cfg); err != nil {
		return nil, nil, err
	}
	check, done := compiler(&lenient)
	defer done()
	j.compiler = check

	type key struct {
		text   string
		stored bool
	}
	seen := map[key]int{}
	list = []migratedToken{}
	var owners []int // of native, in list
	for _, f := range found {
		at := key{f.text, f.store != ""}
		if i, ok := seen[at]; ok {
			list[i].Sources = append(list[i].Sources, f.source)
			continue
		}
		i := len(list)
		seen[at] = i
		t, text := j.candidate(&f)
		if list = append(list, t); text != "" {
			owners = append(owners, i)
			native = append(native, nativeToken{Store: f.store, ID: f.id, Digest: t.Digest, Token: text})
		}
	}
	for n, i := range owners { // whose sources are all found by now
		native[n].Sources = list[i].Sources
	}
	return list, native, nil
}

// candidate opens f and judges it. native is its native form, "" if it gets none.
func (j *judge) candidate(f *candidate) (t migratedToken, native string) {
	sum := sha256.Sum256([]byte(f.text))
	t = migratedToken{
		Sources: []string{f.source}, Digest: hex.EncodeToString(sum[:6]), Bytes: len(f.text), Findings: []remark{},
	}
	var token configtoken.Token
	err := j.keysErr
	if err == nil {
		opener := j.keys.URL
		if f.store != "" {
			opener = j.keys.Stored
		}
		token, err = opener.Open(f.text)
	}
	if err != nil {
		t.Error = strings.TrimPrefix(err.Error(), "config token: ")
		return t, ""
	}
	t.Opens, t.Format, t.JTI = true, tokens.FormatName(token.Format), token.ID
	t.State = tokens.State(&token, j.revoked, j.now)
	sealable := j.token(&t, &token)
	if j.sealer == nil || !sealable || t.State != tokens.InForce || token.Format == configtoken.Native {
		return t, ""
	}
	if native, err = j.sealer.Seal(token.Claims); err != nil {
		t.add(unsupported, "token", err.Error())
		return t, ""
	}
	t.Native = len(native)
	return t, native
}

func (t *migratedToken) add(kind remarkKind, path, text string) {
	t.Findings = append(t.Findings, remark{kind, lint.Finding{Path: path, Text: text}})
}

// token fills in what token says, and reports whether it can be sealed natively as it is.
func (j *judge) token(t *migratedToken, token *configtoken.Token) (sealable bool) {
	if token.Format == configtoken.Plain && !j.cfg.AllowPlainTokens {
		t.add(unsupported, "token", "plain, and EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS is not set")
	}
	if token.Pointer != (configtoken.Pointer{}) {
		t.Pointer = &token.Pointer
		stores, _ := j.cfg.StoreEntries() // what is wrong with them is said elsewhere
		if _, ok := stores[token.Pointer.StoreID]; !ok {
			t.add(unsupported, "eas.config_token_store_id", "there is no such store in the configuration")
		}
		return true
	}
	for _, err := range j.compiler.Problems(token.Claims, token.Format) {
		if f := lint.FindingOf(err); !strings.HasSuffix(f.Path, "].type") { // said below, with what it means
			t.add(unsupported, f.Path, f.Text)
		}
	}
	for _, f := range lint.Unsafe(j.compiler, token.Claims) {
		t.add(unsafe, f.Path, f.Text)
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
		t.add(unsupported, "native", "not sealed natively as it is: "+err.Error())
	}
	slices.SortStableFunc(t.Findings, func(a, b remark) int { return weight(a.Kind) - weight(b.Kind) })
	return len(problems) == 0
}

func weight(k remarkKind) int { return slices.Index([]remarkKind{unsupported, unsafe, differs}, k) }
