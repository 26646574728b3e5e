// Package redis keeps sessions in Redis 6 or newer, or what speaks its protocol: one server, Sentinel or a cluster.
//
// Each session is a text under a key of its own, with the time to live of the session; scripts compare versions. What
// finds sessions by subject or sid are sorted sets of ids by expiry. No command names two keys, so that a cluster may
// keep them apart. Where the server has replicas, a save waits until one of them has it, for [patience] at most: a
// failover then loses nothing that was acknowledged.
//
// Redis must not evict: sessions end when they expire, not when memory is short (maxmemory-policy noeviction).
package redis
