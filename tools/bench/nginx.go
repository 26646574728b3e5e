package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// nginx compares nginx before easgate over a unix socket with nginx before the echo handler over TCP: the same recipe,
// the same page. nginx and what it asks share the server's processor.
func (b *bench) nginx(ctx context.Context) (row, error) {
	r := row{name: "nginx → easgate over a unix socket, beside nginx → echo over TCP (CPU: nginx's)", atLeast: 1}
	r.missing = b.compareNginx(ctx, &r)
	r.print()
	return r, r.missing
}

func (b *bench) compareNginx(ctx context.Context, r *row) error {
	eas, err := noop()
	if err != nil {
		return err
	}
	sealed, err := b.seal(eas)
	if err != nil {
		return err
	}
	socket := filepath.Join(b.dir, "easgate.sock")
	server, err := b.startEasgate(ctx, "EAS_ADDR=unix:"+socket)
	if err != nil {
		return err
	}
	defer server.stop()
	parameters := tokenParameter(sealed)
	ours, err := b.startNginx(ctx, "nginx-easgate", "unix:"+socket, parameters, "root www;", b.echo.addr)
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := b.startNginx(ctx, "nginx-echo", b.echo.addr, parameters, "root www;", b.echo.addr)
	if err != nil {
		return err
	}
	defer theirs.stop()

	return b.measurePair(ctx, r, load{path: "/page"}, ours, theirs)
}

// startNginx starts nginx with the recipe, of which it changes what a user does: the address of the service, and the
// parameters.
func (b *bench) startNginx(
	ctx context.Context, name, service, parameters, content, application string,
) (*process, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where a user's PATH does not look
	}
	if _, err := os.Stat(program); err != nil {
		return nil, errors.New("nginx is missing: apt-get install nginx-light")
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, name)
	for _, sub := range []string{"easgate", "www"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	recipe, err := filepath.Glob("nginx/*.conf")
	if err != nil || len(recipe) == 0 {
		return nil, errors.New("nginx/: no recipe here: run in the repository's folder")
	}
	for _, file := range recipe {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		changed := strings.Replace(string(text), "server 127.0.0.1:8080;", "server "+service+";", 1)
		if err := os.WriteFile(filepath.Join(dir, "easgate", filepath.Base(file)), []byte(changed), 0o600); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "www", "page"), []byte("a page\n"), 0o600); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, application, addr, parameters, content), 0o600); err != nil {
		return nil, err
	}
	args := append(slices.Clone(b.pins.server), program, "-p", dir, "-e", "error.log", "-c", conf)
	return start(ctx, b.dir, addr, nil, args)
}

// nginxConf takes the application's address, its own, the verify parameters and the protected location's directive. It
// is one process, whose processor time can be read.
const nginxConf = `daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path tmp_body;
    proxy_temp_path tmp_proxy;
    fastcgi_temp_path tmp_fastcgi;
    uwsgi_temp_path tmp_uwsgi;
    scgi_temp_path tmp_scgi;
    include easgate/easgate.conf;
    upstream application { server %s; keepalive 64; }
    server {
        listen %s;
        include easgate/server.conf;
        location = /_auth {
            set $eas_params "%s";
            include easgate/verify.conf;
        }
        location / {
            include easgate/api.conf;
            %s
        }
    }
}
`
