//go:build linux

package testserver

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// nginxFrame is the nginx.conf around a site. Everything that nginx writes stays below its prefix.
const nginxFrame = `daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path tmp_body;
    proxy_temp_path tmp_proxy;
    fastcgi_temp_path tmp_fastcgi;
    uwsgi_temp_path tmp_uwsgi;
    scgi_temp_path tmp_scgi;
    include easgate/site.conf;
}
`

// NginxConfig is what an nginx runs with.
type NginxConfig struct {
	// Recipe is the folder whose *.conf are copied to easgate/, where nginx includes site.conf.
	Recipe string
	// Files are more files, by their paths below nginx's folder; they replace the recipe's.
	Files map[string]string
	// Edits are what a user changes in the files, by what stands there. One that finds nothing to replace fails the test:
	// the recipe has changed. In the new text, {listen} is nginx's address and {dir} its folder.
	Edits map[string]string
}

// An NginxServer is a running nginx; Addr is its address.
type NginxServer struct {
	*Server
	Addr string
}

// Nginx starts nginx. A test that fails shows its error log.
func Nginx(t testing.TB, cfg NginxConfig) *NginxServer {
	t.Helper()
	bin := binary(t, "nginx", "nginx-light")
	s := newServer(t, "root")
	n := &NginxServer{s, net.JoinHostPort(s.Host, strconv.Itoa(s.Port))}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(s.dir, "error.log")) // gone: nothing to show
			t.Logf("nginx: error.log:\n%s", text)
		}
	})
	frame := nginxFrame
	if os.Getuid() == 0 {
		frame = "user root root;\n" + frame // the folder is its owner's alone
	}
	for name, text := range n.files(cfg) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(s.dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		s.write(name, text)
	}
	s.start = []string{bin, "-p", s.dir, "-e", "error.log", "-c", s.write("nginx.conf", frame)}
	s.ready = func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", n.Addr)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	s.Start()
	return n
}

// files are all files below nginx's folder, edited.
func (n *NginxServer) files(cfg NginxConfig) map[string]string {
	n.t.Helper()
	all := map[string]string{}
	recipe, err := filepath.Glob(filepath.Join(cfg.Recipe, "*.conf"))
	if err != nil || len(recipe) == 0 {
		n.t.Fatalf("recipe: %d files in %s, %v", len(recipe), cfg.Recipe, err)
	}
	for _, path := range recipe {
		text, err := os.ReadFile(path)
		if err != nil {
			n.t.Fatal(err)
		}
		all["easgate/"+filepath.Base(path)] = string(text)
	}
	for name, text := range cfg.Files {
		all[name] = text
	}
	fill := strings.NewReplacer("{listen}", n.Addr, "{dir}", n.dir)
	for old, new := range cfg.Edits {
		found := false
		for name, text := range all {
			if strings.Contains(text, old) {
				found, all[name] = true, strings.ReplaceAll(text, old, fill.Replace(new))
			}
		}
		if !found {
			n.t.Fatalf("recipe: no file holds %q any more", old)
		}
	}
	return all
}
