// Package p2p connects the program to its peers: authenticated streams of wire
// messages, gossip of orders, and the transfer of content-addressed data. It is
// the only importer of libp2p.
//
// A Host is one node of one network. The network's id is part of every
// protocol id and topic name, so that nodes of two networks that happen to
// connect have nothing to say to each other. There is no server of ours in it:
// any node can be another's bootstrap.
//
// It does not know what messages mean, checks no signatures, and remembers
// nothing on disk.
//
// # Why
//
// TCP and QUIC only (the other transports add megabytes and reach nobody here),
// TLS before noise (1.5 times faster where the processor has AES), connection
// and resource limits of a home computer. No relay, mDNS, UPnP or DHT yet: this
// profile is for machines that can be dialled directly, and peers find each
// other by the addresses inside the asks.
package p2p
