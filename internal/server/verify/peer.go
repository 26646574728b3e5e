package verify

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// A Peer is who sent a verify request.
type Peer struct {
	// Addr is invalid for whoever comes through a unix socket.
	Addr netip.Addr
	// Trusted peers are proxies whose forwarding headers are believed.
	Trusted bool
}

// peerKey is the context key of the connection's peer.
type peerKey struct{}

// WithPeer returns ctx with the peer at remote, so that it is found once for each connection.
func (v *Verifier) WithPeer(ctx context.Context, remote net.Addr) context.Context {
	return context.WithValue(ctx, peerKey{}, v.Peer(remote))
}

// PeerOf returns who sent r.
func (v *Verifier) PeerOf(r *http.Request) *Peer {
	if p, ok := r.Context().Value(peerKey{}).(*Peer); ok {
		return p
	}
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return v.Peer(net.TCPAddrFromAddrPort(ap))
}

// Peer returns the peer at remote.
func (v *Verifier) Peer(remote net.Addr) *Peer {
	switch a := remote.(type) {
	case *net.UnixAddr:
		return &Peer{Trusted: v.cfg.TrustSockets}
	case *net.TCPAddr:
		addr := a.AddrPort().Addr().Unmap().WithZone("")
		return &Peer{Addr: addr, Trusted: v.cfg.Trusted.Contains(addr)}
	}
	return &Peer{}
}

// RefusePeer tells the operator, once for each address, which setting would admit the peer.
func (v *Verifier) RefusePeer(p *Peer) {
	if _, told := v.refused.GetIfPresent(p.Addr); told {
		return
	}
	v.refused.Set(p.Addr, struct{}{})
	peer, setting := p.Addr.String(), "EAS_TRUSTED_PROXIES="+p.Addr.String()
	if !p.Addr.IsValid() {
		peer, setting = "a unix socket", "EAS_TRUST_SOCKETS=true"
	}
	v.cfg.Log.Warn("verify request from a peer that is no trusted proxy was denied",
		"peer", peer, "hint", "if this is your proxy, add it: "+setting)
}
