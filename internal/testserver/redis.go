//go:build linux

package testserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisName is what the sentinels of [RedisSentinel] call their server.
const RedisName = "main"

// Redis starts a Redis server; args are options of redis-server's.
func Redis(t testing.TB, args ...string) *Server {
	t.Helper()
	s := newRedis(t)
	s.start = append([]string{
		binary(t, "redis-server", "redis-server"), "--port", strconv.Itoa(s.Port), "--bind", s.Host, "--dir", s.dir,
		"--save", "", "--requirepass", s.Password, "--masterauth", s.Password,
	}, args...)
	s.Start()
	return s
}

// RedisTLS starts a Redis server that speaks TLS alone.
func RedisTLS(t testing.TB) *Server {
	t.Helper()
	s := newRedis(t)
	cert, key := s.keyPair(s.Host, "redis.test")
	s.TLS = true
	s.start = []string{
		binary(t, "redis-server", "redis-server"), "--port", "0", "--tls-port", strconv.Itoa(s.Port), "--bind", s.Host,
		"--dir", s.dir, "--save", "", "--requirepass", s.Password, "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-auth-clients", "no",
	}
	s.Start()
	return s
}

func newRedis(t testing.TB) *Server {
	s := newServer(t, "redis")
	s.Client, s.Password = "redis", "r3d1s-pw"
	s.ready = func(ctx context.Context) error {
		return s.redis(func(c *redis.Client) error { return c.Ping(ctx).Err() })
	}
	return s
}

// redis runs do with a connection to the server.
func (s *Server) redis(do func(*redis.Client) error) error {
	o := &redis.Options{
		Addr: s.Address(), Password: s.Password, MaxRetries: -1, DialTimeout: time.Second, DisableIdentity: true, Protocol: 2,
	}
	if s.TLS {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(s.CA))
		o.TLSConfig = &tls.Config{RootCAs: roots}
	}
	c := redis.NewClient(o)
	return errors.Join(do(c), c.Close())
}

// Do sends a command to a Redis server.
func (s *Server) Do(args ...any) {
	s.t.Helper()
	if err := s.redis(func(c *redis.Client) error { return c.Do(context.Background(), args...).Err() }); err != nil {
		s.t.Fatal(err)
	}
}

// Address is the server's host and port.
func (s *Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// RedisSentinel starts a Redis server with a replica, and a sentinel that makes the replica the server when it ends,
// after about a second. The sentinel has the Password as well.
func RedisSentinel(t testing.TB) (sentinel, server, replica *Server) {
	t.Helper()
	server = Redis(t)
	replica = Redis(t, "--replicaof", server.Host+" "+strconv.Itoa(server.Port))
	sentinel = newRedis(t)
	conf := sentinel.write("sentinel.conf", lines(
		"port "+strconv.Itoa(sentinel.Port),
		"bind "+sentinel.Host,
		"dir "+sentinel.dir,
		"requirepass "+sentinel.Password,
		fmt.Sprintf("sentinel monitor %s %s %d 1", RedisName, server.Host, server.Port),
		fmt.Sprintf("sentinel auth-pass %s %s", RedisName, server.Password),
		fmt.Sprintf("sentinel down-after-milliseconds %s 500", RedisName),
		fmt.Sprintf("sentinel failover-timeout %s 3000", RedisName),
	))
	sentinel.start = []string{binary(t, "redis-server", "redis-server"), conf, "--sentinel"}
	sentinel.ready = func(ctx context.Context) error { // it knows the replica, and the replica follows
		return sentinel.redis(func(c *redis.Client) error {
			replicas, err := redis.NewSentinelClient(c.Options()).Replicas(ctx, RedisName).Result()
			if err == nil && (len(replicas) != 1 || replicas[0]["master-link-status"] != "ok") {
				err = fmt.Errorf("replicas: %v", replicas)
			}
			return err
		})
	}
	sentinel.Start()
	return sentinel, server, replica
}

// RedisCluster starts three servers that share the keys among them.
func RedisCluster(t testing.TB) []*Server {
	t.Helper()
	var servers []*Server
	args := []string{"--cluster", "create"}
	for range 3 {
		s := Redis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		servers = append(servers, s)
		args = append(args, s.Address())
	}
	args = append(args, "--cluster-yes", "-a", servers[0].Password, "--no-auth-warning")
	if out, err := exec.Command(binary(t, "redis-cli", "redis-tools"), args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli: %v\n%s", err, out)
	}
	for _, s := range servers {
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			err := s.redis(func(c *redis.Client) error {
				return c.Set(context.Background(), "{probe}", 1, time.Second).Err()
			})
			if err == nil || redis.HasErrorPrefix(err, "MOVED") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the cluster is not ready: %v", err)
			}
		}
	}
	return servers
}
