package oauth

import (
	"encoding/json"
	"errors"
)

// rule is what a policy says about one issuer.
type rule struct {
	Default *bool `json:"default"`
	Forced  *bool `json:"forced"`
}

// ParsePolicy reads external-auth-server's EAS_BACKCHANNEL_LOGOUT_CONFIG, for [Config.Allowed]:
//
//	{"enabled": {"_fallback": {"default": true, "forced": true}, "issuers": {"https://…": {"default": true, "forced": true}}}}
//
// What is forced counts, the issuer's own first; then what the config token says; then the default, the issuer's own
// first; then yes. Its ttl has no meaning here: sessions that ended are gone, and nothing is kept about them.
func ParsePolicy(text string) (func(issuer string, configured *bool) bool, error) {
	var policy struct {
		Enabled struct {
			Fallback rule            `json:"_fallback"`
			Issuers  map[string]rule `json:"issuers"`
		} `json:"enabled"`
	}
	if text != "" && json.Unmarshal([]byte(text), &policy) != nil {
		return nil, errors.New(`want JSON like {"enabled": {"_fallback": {"forced": true}}}`)
	}
	return func(issuer string, configured *bool) bool {
		own, all := policy.Enabled.Issuers[issuer], policy.Enabled.Fallback
		for _, says := range []*bool{own.Forced, all.Forced, configured, own.Default, all.Default} {
			if says != nil {
				return *says
			}
		}
		return true
	}, nil
}
