package wire

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sonm/engine/fog"
)

// check turns raw fields into nouns and remembers the first thing that is
// wrong, so that conversions read as a list of fields.
type check struct{ err error }

func (c *check) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *check) fixed(dst []byte, name string, b []byte) {
	if len(b) != len(dst) {
		c.fail("%s of %d bytes, want %d", name, len(b), len(dst))
		return
	}
	copy(dst, b)
}

func (c *check) hash(name string, b []byte) (h fog.Hash) {
	c.fixed(h[:], name, b)
	return h
}

func (c *check) address(name string, b []byte) (a fog.Address) {
	c.fixed(a[:], name, b)
	return a
}

func (c *check) sig(name string, b []byte) (s fog.Signature) {
	c.fixed(s[:], name, b)
	return s
}

// amount reads the shortest big-endian form of at most width bytes.
func (c *check) amount(name string, b []byte, width int) (a fog.Amount) {
	if len(b) > width {
		c.fail("%s of %d bits, %d fit", name, 8*len(b), 8*width)
		return a
	}
	if len(b) > 0 && b[0] == 0 {
		c.fail("%s with leading zeros", name)
		return a
	}
	copy(a[len(a)-len(b):], b)
	return a
}

// time reads seconds since 1970, up to the year 9999 (RFC 3339 ends there).
func (c *check) time(name string, s int64) time.Time {
	if s <= 0 || s > maxTime {
		c.fail("%s at second %d is out of range", name, s)
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// sentence reads text that will be shown to a person: short, valid and free of
// control characters, which could rewrite a terminal.
func (c *check) sentence(name, s string, most int) string {
	if len(s) > most {
		c.fail("%s of %d bytes, at most %d", name, len(s), most)
		return ""
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		c.fail("%s holds unprintable characters", name)
		return ""
	}
	return s
}

func (c *check) bytes(name string, b []byte, most int) []byte {
	if len(b) > most {
		c.fail("%s of %d bytes, at most %d", name, len(b), most)
		return nil
	}
	return b
}

// peer reads the text form of a peer id; whether it is one, libp2p decides.
func (c *check) peer(s string) fog.PeerID {
	if s == "" || len(s) > MaxPeer {
		c.fail("peer id of %d bytes, want 1 to %d", len(s), MaxPeer)
	}
	if strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		c.fail("peer id %.60q is not letters and digits", s)
	}
	return fog.PeerID(s)
}

func (c *check) addrs(list []string) []string {
	if len(list) > MaxAddrs {
		c.fail("%d addresses, at most %d", len(list), MaxAddrs)
		return nil
	}
	for _, a := range list {
		if len(a) > MaxAddr || !strings.HasPrefix(a, "/") {
			c.fail("address %.60q is not a multiaddr", a)
		}
		c.sentence("address", a, MaxAddr)
	}
	return list
}

func hashes[H ~[32]byte](c *check, name string, list [][]byte, most int) []H {
	if len(list) > most {
		c.fail("%d %ss, at most %d", len(list), name, most)
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	out := make([]H, len(list))
	for i, b := range list {
		out[i] = H(c.hash(name, b))
	}
	return out
}
