package app

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"strings"

	"sonm/wallet/chain"
)

// portsFile keeps where a practice network answered last. Started again, also
// after a kill, it answers there: programs that were using it know no other
// address.
const portsFile = "ports.json"

// ports are the host:port pairs of a practice network's last run; empty if
// there was none.
type ports struct{ RPC, Peer string }

func readPorts(file string) (p ports) {
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &p) != nil {
		return ports{} // a first run, or as good as one
	}
	return p
}

func writePorts(file string, n chain.Network) error {
	var p ports
	if u, err := url.Parse(n.RPC); err == nil {
		p.RPC = u.Host
	}
	for _, a := range n.Bootstrap { // /ip4/HOST/tcp/PORT/p2p/ID
		if f := strings.Split(a, "/"); len(f) > 4 && f[1] == "ip4" && f[3] == "tcp" {
			p.Peer = net.JoinHostPort(f[2], f[4])
		}
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return writeAtomic(file, data, 0o600)
}

// rpc is where the chain answers: as asked for, and on the port of the last run
// where any would do and that one is free.
func (p ports) rpc(ctx context.Context, asked string) string {
	host, port, err := net.SplitHostPort(asked)
	if err != nil || port != "0" || !free(ctx, host, p.RPC) {
		return asked
	}
	return p.RPC
}

// peer is the same for the multiaddrs the bootstrap peer listens on.
func (p ports) peer(ctx context.Context, asked []string) []string {
	host, port, err := net.SplitHostPort(p.Peer)
	if err != nil || len(asked) != 1 || asked[0] != "/ip4/"+host+"/tcp/0" || !free(ctx, host, p.Peer) {
		return asked
	}
	return []string{"/ip4/" + host + "/tcp/" + port}
}

// free reports whether addr is of host and can be listened on.
func free(ctx context.Context, host, addr string) bool {
	if h, _, err := net.SplitHostPort(addr); err != nil || h != host {
		return false
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	return err == nil && ln.Close() == nil
}
