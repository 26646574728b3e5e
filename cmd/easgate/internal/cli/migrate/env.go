package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
)

// A variable is what becomes of one environment variable.
type variable struct {
	Name  string        `json:"name"`
	State variableState `json:"state"`
	Text  string        `json:"text,omitempty"`
	Hint  string        `json:"hint,omitempty"`
}

type variableState string

const (
	kept    variableState = "kept"
	ignored variableState = "ignored"
	// changed means something else here.
	changed variableState = "changed"
	weak    variableState = "unsafe"
	// refused keeps easgate from starting.
	refused variableState = "refused"
	// open is not set, and its default is another one than external-auth-server's.
	open variableState = "decide"
)

// asks reports whether somebody has to do something about a variable in this state.
func (s variableState) asks() bool { return s == changed || s == weak || s == refused }

// environment says what becomes of each variable. quoted names those whose quotes were taken off.
func environment(c *cli.CLI, cfg *config.Config, warnings, problems config.Problems, quoted []string) []variable {
	list, said := complaints(warnings, problems)
	used := map[string]bool{}
	for _, e := range cfg.Entries() {
		used[e.Origin] = true
	}
	names := map[string]string{}
	for _, kv := range c.Env {
		if name, value, ok := strings.Cut(kv, "="); ok && value != "" {
			names[name] = value
		}
	}
	readers := storeVariables(cfg)
	for name, value := range names {
		v := variable{State: kept, Text: fmt.Sprintf("store %q reads its tokens there", readers[name])}
		if readers[name] == "" {
			v = fate(name, value, said[name], used[name])
		}
		if v.Name = name; v.State == "" {
			continue
		}
		if slices.Contains(quoted, name) {
			v.Text = strings.TrimPrefix(v.Text+"; ", "; ") +
				"the quotes around it were taken off, as systemd does and Docker does not"
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b variable) int { return cmp.Compare(a.Name, b.Name) })
	for _, o := range openQuestions {
		if cfg.Origin(o.setting) == "" {
			list = append(list, o.variable)
		}
	}
	return list
}

// complaints turns what the configuration's loader says into variables: said by their names, missing without one.
func complaints(warnings, problems config.Problems) (missing []variable, said map[string]variable) {
	said = map[string]variable{}
	say := func(state variableState, p config.Problem) {
		if _, ok := said[p.Source]; !ok {
			said[p.Source] = variable{p.Source, state, p.Err.Error(), p.Hint}
		}
	}
	for _, p := range problems {
		if p.Source == "" {
			missing = append(missing, variable{"(missing)", refused, p.Err.Error(), p.Hint})
			continue
		}
		say(refused, p)
	}
	for _, w := range warnings {
		switch text := w.Err.Error(); {
		case strings.Contains(text, "nothing in this version uses it"), strings.Contains(text, "no setting of that name"):
			say(ignored, w)
		case strings.Contains(text, "are not read:"):
			say(changed, w)
		default:
			say(weak, w)
		}
	}
	return missing, said
}

// fate is what becomes of a variable: what changes has for it, or else what the loader said.
func fate(name, value string, said variable, used bool) variable {
	if note := changes[name]; note != nil && (said.State == "" || said.State == ignored) {
		said = note(value)
	}
	if said.State == "" && used {
		said.State = kept
	}
	return said
}

// changes has what there is to say about a variable, by its value. Without a state the variable is kept as others are.
var changes = map[string]func(value string) variable{
	"EAS_ALLOW_EVAL": func(v string) variable {
		if !falsy(v) {
			return variable{}
		}
		return variable{State: changed,
			Text: "external-auth-server enables JavaScript by any value, this one too; here it is off",
			Hint: "set it to true if config tokens need it: they are marked below"}
	},
	"EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS": func(v string) variable {
		if falsy(v) {
			return variable{State: changed, Text: "here it is off by this value"}
		}
		return variable{State: kept, Text: "sealed tokens in stores open beside plain ones"}
	},
	"EAS_REVOKED_JTIS": func(string) variable { return variable{Text: "ends pointer tokens too"} },
	"EAS_CONFIG_TOKEN_STORES": func(v string) variable {
		text := "a store's cache_ttl is how late a revocation is seen"
		if strings.Contains(v, "ssl") {
			text += "; a database's certificate that has a common name and no alternative names is refused " +
				"unless ssl.servername has that name"
		}
		return variable{Text: text}
	},
	"EAS_LOG_LEVEL": func(v string) variable {
		if slices.Contains([]string{"verbose", "silly", "http"}, strings.ToLower(v)) {
			return variable{Text: "levels are error, warn, info and debug; this one is taken for the nearest"}
		}
		return variable{}
	},
	"EAS_BACKCHANNEL_LOGOUT_CONFIG": func(string) variable {
		return variable{Text: "its ttl has no meaning: sessions that ended are gone, and nothing is kept about them"}
	},
	"NODE_ENV": func(string) variable { return variable{State: ignored} },
	"NODE_OPTIONS": func(string) variable {
		return variable{State: ignored, Text: "there is no Node.js here"}
	},
	"NODE_EXTRA_CA_CERTS": func(string) variable {
		return variable{State: kept, Text: "as here EAS_CA_FILE"}
	},
	"NODE_TLS_REJECT_UNAUTHORIZED": func(string) variable {
		return variable{State: changed, Text: "not read here: certificates are verified",
			Hint: "name its certificate authority in EAS_CA_FILE, or in the plugin (tls.ca, tlsOptions.ca)"}
	},
}

func falsy(v string) bool {
	return slices.Contains([]string{"0", "false", "no", "off"}, strings.ToLower(v))
}

// openQuestions are settings that external-auth-server does not have, with defaults stricter than what it does.
var openQuestions = []struct {
	setting string
	variable
}{
	{"metrics_on_main", variable{"EAS_METRICS_ON_MAIN", open,
		"not set: /metrics is on EAS_ADMIN_ADDR (127.0.0.1:9091), not beside /verify",
		"true restores its place; EAS_ADMIN_ADDR chooses another one"}},
	{"proxy_profile", variable{"EAS_PROXY_PROFILE", open,
		"not set: auto, which denies a request whose forwarding headers contradict each other",
		"eas believes what external-auth-server believes, for the move; then the profile of your proxy: " +
			"nginx, ingress-nginx, traefik, caddy, haproxy, envoy"}},
	{"trusted_proxies", variable{"EAS_TRUSTED_PROXIES", open,
		"not set: peers on the loopback and in private networks are believed, all others denied",
		"name the addresses of your proxies"}},
}

// storeVariables are the variables that env stores read, with the store's id.
func storeVariables(cfg *config.Config) map[string]string {
	entries, _ := cfg.StoreEntries() // what is wrong with them is said elsewhere
	out := map[string]string{}
	for id, e := range entries {
		if e.Adapter == "env" {
			out[writtenIn(e).Var] = id
		}
	}
	return out
}

// readEnvFile reads NAME=value lines as Docker's --env-file and systemd's EnvironmentFile have them: # and ; start a
// comment line, a value in quotes loses them (and is named in quoted), and inside quotes it may go over several lines.
func readEnvFile(c *cli.CLI, name string) (env, quoted []string, err error) {
	text, err := c.Input(name)
	if err != nil {
		return nil, nil, err
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(strings.TrimLeft(lines[i], " \t"), "\r")
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		at := i + 1
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.ContainsAny(key, " \t") {
			if !ok && key != "" && !strings.ContainsAny(key, " \t") {
				continue // Docker: the value of the caller's environment
			}
			return nil, nil, fmt.Errorf("%s:%d: want NAME=value", name, at)
		}
		if q := value; q != "" && (q[0] == '"' || q[0] == '\'') {
			for !closed(value) {
				if i++; i == len(lines) {
					return nil, nil, fmt.Errorf("%s:%d: the quotes do not end", name, at)
				}
				value += "\n" + lines[i]
			}
			value = unquote(strings.TrimRight(value, " \t\r"))
			quoted = append(quoted, key)
		}
		env = append(env, key+"="+value)
	}
	return env, quoted, nil
}

// closed reports whether a value that begins with a quote ends with it.
func closed(value string) bool {
	value = strings.TrimRight(value, " \t\r")
	inner := strings.TrimSuffix(value[1:], value[:1])
	escapes := len(inner) - len(strings.TrimRight(inner, `\`))
	return len(inner) < len(value)-1 && (value[0] == '\'' || escapes%2 == 0)
}

func unquote(value string) string {
	inner := value[1 : len(value)-1]
	if value[0] == '"' {
		inner = strings.NewReplacer(`\"`, `"`, `\\`, `\`, "\\\n", "").Replace(inner)
	}
	return inner
}
