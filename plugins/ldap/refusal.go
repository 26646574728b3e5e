package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/go-ldap/ldap/v3"
)

// dataCode is where Active Directory hides the reason of a refused bind: "… AcceptSecurityContext error, data 533,
// v1db1".
var dataCode = regexp.MustCompile(`\bdata ([0-9a-f]{2,4})\b`)

// activeDirectory says what its data codes, which are Windows' error numbers, mean.
var activeDirectory = map[string]string{
	"525": "unknown user",
	"52e": "wrong password",
	"52f": "account restrictions",
	"530": "not permitted at this time",
	"531": "not permitted from this workstation",
	"532": "password expired",
	"533": "account disabled",
	"568": "too many security identifiers",
	"701": "account expired",
	"773": "password must be changed",
	"775": "account locked",
}

// passwordPolicy says what the errors of the password policy control mean (draft-behera-ldap-password-policy-10 §6.2).
var passwordPolicy = map[int8]string{
	0: "password expired",
	1: "account locked",
	2: "password must be changed",
}

// maxDiagnostic is how much of a server's message is logged, in bytes.
const maxDiagnostic = 200

// refusal says for the log why a bind was refused with err, whose result code is code.
func refusal(code uint16, err error, controls []ldap.Control) string {
	var e *ldap.Error
	message := ""
	if errors.As(err, &e) && e.Err != nil {
		message = e.Err.Error()
	}
	if policy, ok := ldap.FindControl(controls,
		ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy); ok {
		if why := passwordPolicy[policy.Error]; why != "" {
			return fmt.Sprintf("bind refused: %s (result code %d)", why, code)
		}
	}
	invalid := code == ldap.LDAPResultInvalidCredentials
	if m := dataCode.FindStringSubmatch(message); m != nil && invalid {
		switch why := activeDirectory[m[1]]; why {
		case "":
			return fmt.Sprintf("bind refused (result code %d, data %s)", code, m[1])
		case "wrong password":
			return why
		default:
			return fmt.Sprintf("bind refused: %s (result code %d, data %s)", why, code, m[1])
		}
	}
	if len(message) > maxDiagnostic {
		message = message[:maxDiagnostic] + "…"
	}
	switch {
	case invalid && message == "":
		return "wrong password"
	case invalid:
		return "wrong password: " + strconv.Quote(message)
	case message == "":
		return fmt.Sprintf("bind refused: %s (result code %d)", ldap.LDAPResultCodeMap[code], code)
	}
	return fmt.Sprintf("bind refused: %s (result code %d): %q", ldap.LDAPResultCodeMap[code], code, message)
}
