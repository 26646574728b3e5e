package sqldb

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/easgate/easgate/internal/strictjson"
)

// errURL says nothing of what was wrong with a URL, because url.Parse quotes the piece that it does not like,
// and with an unescaped "/" or "@" in it that is the password.
var errURL = errors.New("connection: want a URL such as postgres://user:password@host:5432/database, with special " +
	"characters in user and password percent-encoded")

// expand returns c with what its connection string says. Parameters of a URL are fields of Connection.
func (c Connection) expand(d Dialect) (Connection, error) {
	text := string(c.ConnectionString)
	switch {
	case text == "":
		return c, nil
	case d == SQLite:
		c.Filename = text
		return c, nil
	case d == Oracle && !strings.Contains(text, "://"):
		c.ConnectString = text
		return c, nil
	case d == SQLServer && !strings.Contains(text, "://"):
		return c, nil // the driver's own form
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && u.Query().Get("host") == "" {
		return c, errURL
	}
	if scheme := u.Scheme; clients[scheme] != d && !(d == SQLServer && scheme == "sqlserver") {
		return c, fmt.Errorf("connection: a URL of the scheme %q is not for client %s", scheme, d)
	}
	if len(u.Query()) > 0 {
		if err := c.setParams(u.Query()); err != nil {
			return c, err
		}
	}
	if u.Hostname() != "" {
		c.Host = u.Hostname()
	}
	if p := u.Port(); p != "" {
		if err := c.Port.UnmarshalJSON([]byte(p)); err != nil {
			return c, errURL
		}
	}
	if name := u.User.Username(); name != "" {
		c.User = name
	}
	if pw, ok := u.User.Password(); ok {
		c.Password = Secret(pw)
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		c.Database = db
	}
	c.ConnectionString = ""
	return c, nil
}

// setParams decodes URL parameters as if they stood in the connection object: JSON where they are JSON, else text.
func (c *Connection) setParams(params url.Values) error {
	object := make(map[string]any, len(params))
	for name, values := range params {
		if last := values[len(values)-1]; json.Valid([]byte(last)) {
			object[name] = json.RawMessage(last)
		} else {
			object[name] = last
		}
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return errURL
	}
	if err := strictjson.Unmarshal(raw, c); err != nil {
		return fmt.Errorf("connection: %w", err)
	}
	return nil
}
