// Package dial is the one way out: every connection of the program to an
// address outside it is opened here, so that a proxy can be put here and
// nothing goes around it.
//
// It knows addresses and connections, not what is said over them.
package dial

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Times of a connection.
const (
	connectTime = 10 * time.Second // to be connected
	idleTime    = time.Minute      // an unused HTTP connection is kept
)

// Dialer opens connections. The zero value goes out directly.
type Dialer struct{}

// DialContext connects to address, as net.Dialer does.
func (Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: connectTime}
	return d.DialContext(ctx, network, address)
}

// HTTP is a client whose every request goes through the dialer. The system's
// proxy variables are not read: what the person set in SONM counts.
func (d Dialer) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext, IdleConnTimeout: idleTime, MaxIdleConnsPerHost: 4}}
}
