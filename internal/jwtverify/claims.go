package jwtverify

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/identity"
)

// jsonwebtoken's classes of error.
const (
	// Invalid is the name of an [Error] about a token that no time makes good.
	Invalid   = "JsonWebTokenError"
	expired   = "TokenExpiredError"
	notBefore = "NotBeforeError"
)

// refusal returns the error of an option that lets no token pass, nil if there is none.
func (o *Options) refusal() *Error {
	if o.Nonce != nil && strings.TrimSpace(*o.Nonce) == "" {
		return &Error{Name: Invalid, Message: "nonce must be a non-empty string"}
	}
	return nil
}

// check compares claims, as encoding/json decodes them, with the options at the time now. nil means that they pass.
func (o *Options) check(ctx context.Context, claims map[string]any, now time.Time) *Error {
	clock := o.ClockTimestamp
	if clock == 0 {
		clock = float64(now.UnixMicro()) / 1e6 // dates may have fractions (RFC 7519 §2)
	}
	if nbf, ok := claims["nbf"]; ok && !o.IgnoreNotBefore {
		n, isNumber := nbf.(float64)
		if !isNumber {
			return &Error{Invalid, "invalid nbf value", has("nbf", nbf)}
		}
		if n > clock+o.ClockTolerance {
			return &Error{notBefore, "jwt not active", "not for another " + span(n-clock)}
		}
	}
	if exp, ok := claims["exp"]; ok && !o.IgnoreExpiration {
		n, isNumber := exp.(float64)
		if !isNumber {
			return &Error{Invalid, "invalid exp value", has("exp", exp)}
		}
		if clock >= n+o.ClockTolerance {
			return &Error{expired, "jwt expired", span(clock-n) + " ago"}
		}
	}
	if o.Audience.Set && !o.audience(ctx, claims["aud"]) {
		names := o.Audience.names()
		message := "jwt audience invalid. expected: " + strings.Join(names, " or ")
		return &Error{Invalid, message, has("aud", claims["aud"]) + wanted(names)}
	}
	if iss, _ := claims["iss"].(string); o.Issuer.Set && (iss == "" || !slices.Contains(o.Issuer.List, iss)) {
		message := "jwt issuer invalid. expected: " + strings.Join(o.Issuer.List, ",")
		return &Error{Invalid, message, has("iss", claims["iss"]) + wanted(o.Issuer.List)}
	}
	if o.Subject != "" && claims["sub"] != o.Subject {
		return &Error{Invalid, "jwt subject invalid. expected: " + o.Subject, has("sub", claims["sub"])}
	}
	if o.JWTID != "" && claims["jti"] != o.JWTID {
		return &Error{Invalid, "jwt jwtid invalid. expected: " + o.JWTID, has("jti", claims["jti"])}
	}
	if o.Nonce != nil && claims["nonce"] != *o.Nonce {
		return &Error{Invalid, "jwt nonce invalid. expected: " + *o.Nonce, has("nonce", claims["nonce"])}
	}
	return o.age(claims["iat"], clock)
}

// audience reports whether one of the audiences in aud, a string or a list, is one of ours.
func (o *Options) audience(ctx context.Context, aud any) bool {
	switch aud := aud.(type) {
	case string:
		return o.Audience.contains(ctx, aud)
	case []any:
		return slices.ContainsFunc(aud, func(a any) bool {
			s, ok := a.(string)
			return ok && o.Audience.contains(ctx, s)
		})
	}
	return false
}

func (o *Options) age(iat any, clock float64) *Error {
	if !o.MaxAge.set {
		return nil
	}
	n, ok := iat.(float64)
	if !ok {
		return &Error{Invalid, "iat required when maxAge is specified", has("iat", iat)}
	}
	if o.MaxAge.bad {
		return &Error{Name: Invalid, Message: `"maxAge" should be a number of seconds or string representing a timespan ` +
			`eg: "1d", "20h", 60`}
	}
	end := n + o.MaxAge.seconds
	if o.MaxAge.text {
		end = math.Floor(end)
	}
	if clock >= end+o.ClockTolerance {
		return &Error{expired, "maxAge exceeded", "issued " + span(clock-n) + " ago, maxAge is " + span(o.MaxAge.seconds)}
	}
	return nil
}

// identify names whom the claims are about. Roles are whatever a provider makes of them, so there are none.
func identify(claims map[string]any) identity.Identity {
	id := identity.Identity{Claims: claims}
	id.Subject, _ = claims["sub"].(string)
	id.Realm, _ = claims["iss"].(string)
	// RFC 8693 §4.2 has scope, a string with spaces; scp is what several providers send instead.
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case string:
			id.Scopes = strings.Fields(v)
		case []any:
			for _, e := range v {
				if s, ok := e.(string); ok {
					id.Scopes = append(id.Scopes, s)
				}
			}
		default:
			continue
		}
		if id.Scopes == nil {
			// A claim without a scope in it is no scope at all, and not every one.
			id.Scopes = []string{}
		}
		break
	}
	return id
}
