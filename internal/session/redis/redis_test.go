package redis

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/easgate/easgate/internal/session"
)

func config(t testing.TB, text string) Config {
	t.Helper()
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The shapes that external-auth-server's two clients take, and what a connection is made with.
func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
	}{
		{"nothing", `{}`, "127.0.0.1:6379 user= password= db=0 tls=false"},
		{"a host", `{"host":"r","port":7000,"password":"pw","db":2,"ttl":600,"max":0}`, "r:7000 user= password=pw db=2 tls=false"},
		{"node-redis", `{"host":"r","auth_pass":"pw","prefix":"eas:"}`, "r:6379 user= password=pw db=0 tls=false"},
		{"an account of ACLs", `{"username":"u","password":"pw"}`, "127.0.0.1:6379 user=u password=pw db=0 tls=false"},
		{"IPv6", `{"host":"::1"}`, "[::1]:6379 user= password= db=0 tls=false"},
		{"a socket", `{"path":"/run/redis.sock"}`, "/run/redis.sock user= password= db=0 tls=false"},
		{"a URL", `{"url":"redis://u:p%2Fw@r:7000/3"}`, "r:7000 user=u password=p/w db=3 tls=false"},
		{"a URL with TLS", `{"url":"rediss://r"}`, "r:6379 user= password= db=0 tls=true"},
		{"TLS", `{"host":"r","tls":true}`, "r:6379 user= password= db=0 tls=true"},
		{"TLS as an object", `{"host":"r","tls":{}}`, "r:6379 user= password= db=0 tls=true"},
		{"no TLS", `{"host":"r","tls":false}`, "r:6379 user= password= db=0 tls=false"},
		{"a cluster", `{"clusterConfig":{"nodes":[{"host":"a","port":7000},"b:7001","redis://c:7002"],"options":{"redisOptions":{"password":"pw","tls":{}}}}}`,
			"a:7000,b:7001,c:7002 user= password=pw db=0 tls=true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config(t, tt.in).client(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var got string
			switch c := c.(type) {
			case *redis.Client:
				o := c.Options()
				got = fmt.Sprintf("%s user=%s password=%s db=%d tls=%v", o.Addr, o.Username, o.Password, o.DB, o.TLSConfig != nil)
			case *redis.ClusterClient:
				o := c.Options()
				got = fmt.Sprintf("%s user=%s password=%s db=0 tls=%v", strings.Join(o.Addrs, ","), o.Username, o.Password, o.TLSConfig != nil)
			}
			if got != tt.want {
				t.Errorf("client = %s, want %s", got, tt.want)
			}
		})
	}
}

// What cannot work is an error at the start, and quotes no password.
func TestConfigErrors(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a URL of something else", `{"url":"postgres://u:s3cret@r"}`, "url: want redis://"},
		{"a URL that is none", `{"url":"redis://u:s3cret/@r"}`, "url: want redis://"},
		{"sentinels without a name", `{"sentinels":[{"host":"s"}],"password":"s3cret"}`, "name: required"},
		{"sentinels and a cluster", `{"sentinels":[{"host":"s"}],"name":"m","clusterConfig":{"nodes":["a:1"]}}`, "clusterConfig: "},
		{"a database of a cluster", `{"db":1,"clusterConfig":{"nodes":["a:1"]}}`, "db: "},
		{"a CA that is no file", `{"tls":{"ca":"/nonexistent"}}`, "tls.ca: neither PEM nor a file"},
		{"a key without a certificate", `{"tls":{"key":"-----BEGIN s3cret"}}`, "tls.cert: want"},
		{"too long a cache", `{"local_cache":1001}`, "local_cache: want"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(config(t, tt.in), Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

// What somebody else wrote under a session's key is no session, and no panic.
func TestDecode(t *testing.T) {
	r := session.Record{ID: session.ID{1}, Version: 7, Created: time.UnixMilli(5), Expires: time.UnixMilli(9), Provider: "p", SID: "i", Value: "a:b:c"}
	if got, err := decode(r.ID, encode(r)); err != nil || got != r {
		t.Errorf("decode = %+v, %v, want %+v", got, err, r)
	}
	for _, text := range []string{"", "x", "1", "1:2", "1:2:x", "-:2:3", "::::::", "1e9:1:1:::"} {
		if _, err := decode(r.ID, text); err == nil {
			t.Errorf("decode(%q): no error", text)
		}
	}
}
