package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/easgate/easgate/configtoken"
)

// A rival is an external-auth-server that somebody else runs. Nothing is known of it but its URL and its secrets.
type rival struct {
	base string // "http://host:port"
	keys *configtoken.EASKeys
	load load // of the scenario that was prepared last
}

func newRival(base string) (*rival, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("-eas: want a URL without a path, such as http://127.0.0.1:8080")
	}
	keys, err := configtoken.NewEASKeys(os.Getenv("EAS_CONFIG_TOKEN_SIGN_SECRET"),
		os.Getenv("EAS_CONFIG_TOKEN_ENCRYPT_SECRET"), os.Getenv("EAS_ENCRYPT_IV_SECRET"))
	if err != nil {
		return nil, fmt.Errorf("%w: -eas needs EAS_CONFIG_TOKEN_SIGN_SECRET, EAS_CONFIG_TOKEN_ENCRYPT_SECRET and, if it "+
			"has one, EAS_ENCRYPT_IV_SECRET", err)
	}
	return &rival{base: u.Scheme + "://" + u.Host, keys: keys}, nil
}

var errItsStore = errors.New("tokens in its stores are its operator's")

// prepare makes r.load of l, with the claim eas sealed as external-auth-server does, and tries it.
func (r *rival) prepare(s scenario, eas map[string]any, l load) error {
	if s.stored {
		return errItsStore
	}
	claims, err := json.Marshal(map[string]any{"eas": eas})
	if err != nil {
		return err
	}
	sealed, err := r.keys.Seal(claims)
	if err != nil {
		return err
	}
	r.load = verify(tokenParameter(sealed), l.headers)
	r.load.fills = l.fills
	return r.load.first(r.base)
}
