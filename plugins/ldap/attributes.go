package ldap

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/query"
)

const (
	// maxUserInfo bounds what a login's user and groups weigh, in bytes.
	maxUserInfo = 1 << 20
	// maxUnasked is how long bytes may be, in base64, that nobody asked for by name: no photos.
	maxUnasked = 4 << 10
)

// secret are attributes that never leave this plugin, whatever the bind may read; names in lower case.
var secret = names("userPassword 2.5.4.35 authPassword unicodePwd 1.2.840.113556.1.4.90 dBCSPwd ntPwdHistory " +
	"lmPwdHistory " +
	"supplementalCredentials pwdHistory passwordHistory sambaNTPassword sambaLMPassword sambaPasswordHistory ipaNTHash " +
	"krbPrincipalKey krbPwdHistory krbMKey krb5Key ipaTokenOTPkey ms-Mcs-AdmPwd msLAPS-Password " +
	"msLAPS-EncryptedPassword " +
	"msLAPS-EncryptedPasswordHistory msLAPS-EncryptedDSRMPassword msLAPS-EncryptedDSRMPasswordHistory " +
	"msDS-ManagedPassword " +
	"msFVE-RecoveryPassword msFVE-KeyPackage userPKCS12 msPKIAccountCredentials msPKIDPAPIMasterKeys trustAuthIncoming " +
	"trustAuthOutgoing nsEncryptedPassword nsSymmetricKey ipaVaultPrivateKey radiusTunnelPassword")

// alwaysOne are attributes that cannot have several values, by their schema (RFC 2307, 2798, 4519, 4530, Active
// Directory).
var alwaysOne = names("displayName employeeNumber preferredLanguage c uidNumber gidNumber gecos homeDirectory " +
	"loginShell " +
	"entryUUID entryDN createTimestamp modifyTimestamp creatorsName modifiersName pwdChangedTime sAMAccountName " +
	"sAMAccountType userPrincipalName objectGUID objectSid userAccountControl primaryGroupID pwdLastSet accountExpires " +
	"lastLogon lastLogonTimestamp badPwdCount whenCreated whenChanged distinguishedName employeeID thumbnailPhoto")

// binaryOnes are attributes whose values are bytes, even those that happen to be UTF-8.
var binaryOnes = names("jpegPhoto photo audio thumbnailPhoto thumbnailLogo userCertificate cACertificate " +
	"crossCertificatePair " +
	"userSMIMECertificate certificateRevocationList x500UniqueIdentifier objectGUID objectSid sIDHistory tokenGroups " +
	"mS-DS-ConsistencyGuid msExchMailboxGuid msExchMailboxSecurityDescriptor nTSecurityDescriptor logonHours GUID")

// usualText are attributes of bytes that have a text form everywhere else.
var usualText = map[string]func([]byte) (string, bool){
	"objectguid": guid, "ms-ds-consistencyguid": guid, "msexchmailboxguid": guid,
	"objectsid": sid, "sidhistory": sid, "tokengroups": sid,
}

func names(list string) map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		m[strings.ToLower(name)] = true
	}
	return m
}

// baseName is the attribute's name in lower case, without options such as ;binary (RFC 4512 §2.5).
func baseName(attribute string) string {
	name, _, _ := strings.Cut(attribute, ";")
	return strings.ToLower(name)
}

// A shape says how entries are shown.
type shape struct {
	// lists makes a list of every attribute but those in single. Without it one value is text and several are a list, as
	// ldapjs has it: then a rule cannot know what it gets.
	lists bool
	// single are attributes that have one value, asked those that the configuration names, hidden those that are asked for
	// although it does not.
	single, asked, hidden map[string]bool
}

// object is e for queries: dn and controls, then each attribute. It adds to l's weight.
func (s *shape) object(e *ldap.Entry, l *login) (*query.Object, error) {
	o := query.NewObject(len(e.Attributes) + 3)
	o.Set("dn", e.DN)
	o.Set("controls", []any{})
	l.weight += 256 + len(e.DN)
	for _, a := range e.Attributes {
		base := baseName(a.Name)
		// An attribute of that name must not pass for the DN.
		if _, taken := o.Get(a.Name); taken || secret[base] || s.hidden[strings.ToLower(a.Name)] {
			continue
		}
		if err := s.set(o, a, base, l); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		if l.weight > maxUserInfo {
			return nil, fmt.Errorf("over %d bytes of attributes: connection.searchAttributes and groupSearchAttributes name "+
				"those that are needed", maxUserInfo)
		}
	}
	return o, nil
}

func (s *shape) set(o *query.Object, a *ldap.EntryAttribute, base string, l *login) error {
	if s.lists && base == "memberof" && strings.Contains(a.Name, ";range=") && !strings.HasSuffix(a.Name, "-*") {
		// "Not in that group" would hold for somebody in it.
		return errors.New("the directory sends a part of them only")
	}
	bytes := binaryOnes[base] || strings.HasSuffix(strings.ToLower(a.Name), ";binary")
	size := 0
	for _, v := range a.ByteValues {
		bytes = bytes || !utf8.Valid(v)
		size += 32 + len(v)
	}
	if bytes {
		if size > maxUnasked && !s.asked[base] {
			l.leftOut = append(l.leftOut, a.Name)
			return nil
		}
		size += size/3 + 2
	}
	l.weight += 64 + len(a.Name) + size
	if usual := usualText[base]; usual != nil && base == strings.ToLower(a.Name) {
		values, ok := texts(a.ByteValues, usual)
		if ok {
			l.weight += size
			if err := s.put(o, a.Name, base, values); err != nil {
				return err
			}
			values, _ = texts(a.ByteValues, encode)
			return s.put(o, a.Name+";binary", base, values)
		}
	}
	as := plain
	if bytes {
		as = encode
	}
	values, _ := texts(a.ByteValues, as)
	return s.put(o, a.Name, base, values)
}

func (s *shape) put(o *query.Object, name, base string, values []any) error {
	single := !s.lists || s.single[base]
	switch {
	case single && len(values) == 1:
		o.Set(name, values[0])
	case single && s.lists && len(values) > 1:
		return fmt.Errorf("%d values, and connection.singleValued says that it has one", len(values))
	default:
		o.Set(name, values)
	}
	return nil
}

// texts converts all values, or says that it cannot.
func texts(values [][]byte, as func([]byte) (string, bool)) (list []any, ok bool) {
	list = make([]any, len(values))
	for i, v := range values {
		if list[i], ok = as(v); !ok {
			return nil, false
		}
	}
	return list, true
}

func plain(b []byte) (string, bool)  { return string(b), true }
func encode(b []byte) (string, bool) { return base64.StdEncoding.EncodeToString(b), true }

// guid is the usual text of a GUID, whose first three numbers are little-endian in Active Directory.
func guid(b []byte) (string, bool) {
	if len(b) != 16 {
		return "", false
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]),
		binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:]), true
}

// sid is the usual text of a security identifier (MS-DTYP §2.4.2).
func sid(b []byte) (string, bool) {
	if len(b) < 8 || b[0] != 1 || len(b) != 8+4*int(b[1]) {
		return "", false
	}
	authority := uint64(binary.BigEndian.Uint16(b[2:]))<<32 | uint64(binary.BigEndian.Uint32(b[4:]))
	text := "S-1-" + strconv.FormatUint(authority, 10)
	for i := 8; i < len(b); i += 4 {
		text += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[i:])), 10)
	}
	return text, true
}
