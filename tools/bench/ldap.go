package main

import (
	"bufio"
	"net"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	readerDN       = "cn=reader,dc=test"
	readerPassword = "t0ps3cret"
	aliceDN        = "uid=alice,dc=test"
)

// A directory is as much of an LDAP server (RFC 4511) as one login needs, after which the plugin does not ask again:
// every search finds alice.
type directory struct{ net.Listener }

func newDirectory() (*directory, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &directory{l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.talk(c)
		}
	}()
	return d, nil
}

func (d *directory) url() string { return "ldap://" + d.Addr().String() }

func (d *directory) talk(c net.Conn) {
	defer c.Close()
	passwords := map[string]string{readerDN: readerPassword, aliceDN: "wonderland"}
	r := bufio.NewReader(c)
	for {
		p, err := ber.ReadPacket(r)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, op := p.Children[0], p.Children[1]
		var answers []*ber.Packet
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			dn, _ := op.Children[1].Value.(string)
			code := int64(ldap.LDAPResultInvalidCredentials)
			if want := passwords[dn]; want != "" && want == op.Children[2].Data.String() {
				code = ldap.LDAPResultSuccess
			}
			answers = append(answers, outcome(ldap.ApplicationBindResponse, code))
		case ldap.ApplicationSearchRequest:
			answers = append(answers, alice(), outcome(ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess))
		default:
			return
		}
		for _, a := range answers {
			envelope := ber.NewSequence("")
			envelope.AppendChild(id)
			envelope.AppendChild(a)
			if _, err := c.Write(envelope.Bytes()); err != nil {
				return
			}
		}
	}
}

// outcome is an LDAPResult (RFC 4511 §4.1.9).
func outcome(tag ber.Tag, code int64) *ber.Packet {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	op.AppendChild(octets(""))
	op.AppendChild(octets(""))
	return op
}

// alice is a SearchResultEntry (RFC 4511 §4.5.2).
func alice() *ber.Packet {
	values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	values.AppendChild(octets("alice"))
	attribute := ber.NewSequence("")
	attribute.AppendChild(octets("uid"))
	attribute.AppendChild(values)
	attributes := ber.NewSequence("")
	attributes.AppendChild(attribute)
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(octets(aliceDN))
	op.AppendChild(attributes)
	return op
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}
