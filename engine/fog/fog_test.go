package fog_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sonm/engine/fog"
)

func TestParseHashAndAddress(t *testing.T) {
	h, a := strings.Repeat("0123456789abcdef", 4), strings.Repeat("0123456789", 4)
	for _, s := range []string{h, "0x" + h, "0X" + strings.ToUpper(h)} {
		if got, err := fog.ParseHash(s); err != nil || got.String() != h || got.Short() != h[:8] {
			t.Errorf("ParseHash(%q) = %s, %s, %v", s, got, got.Short(), err)
		}
	}
	for _, s := range []string{a, "0x" + a} {
		if got, err := fog.ParseAddress(s); err != nil || got.String() != "0x"+a {
			t.Errorf("ParseAddress(%q) = %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0x", "x", h[1:], h + "0", "0x0x" + h[2:], h[:63] + "g", " " + h[1:], h[:63] + "\n", "0y" + h} {
		if got, err := fog.ParseHash(s); err == nil {
			t.Errorf("ParseHash(%q) = %s, want an error", s, got)
		}
	}
	for _, s := range []string{"", "0x", h, a[1:], a + "0", "0x0x" + a[2:], a[:39] + "g"} {
		if got, err := fog.ParseAddress(s); err == nil {
			t.Errorf("ParseAddress(%q) = %s, want an error", s, got)
		}
	}
}

func TestTextForms(t *testing.T) {
	type all struct {
		Hash    fog.Hash
		Job     fog.JobID
		Account fog.Address
		Price   fog.Amount
	}
	in := all{fog.Hash{1, 0xff}, fog.JobID{2}, fog.Address{3}, fog.Wei(4)}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"01ff00`, `"0200`, `"0x0300`, `"0.000000000000000004"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s has no %s", b, want)
		}
	}
	var out all
	if err := json.Unmarshal(b, &out); err != nil || out != in {
		t.Errorf("%s is read as %+v, %v", b, out, err)
	}
	for _, bad := range []string{`{"Hash":"01"}`, `{"Job":"zz"}`, `{"Account":"0x1"}`, `{"Price":"-1"}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("%s passed", bad)
		}
	}
}

// Lists of parts that run together to the same bytes have different digests.
func TestHashOfKeepsPartsApart(t *testing.T) {
	seen := map[fog.Hash]int{}
	for i, parts := range [][][]byte{
		{},
		{{}},
		{{}, {}},
		{[]byte("ab")},
		{[]byte("a"), []byte("b")},
		{[]byte("ab"), {}},
		{{}, []byte("ab")},
		{{0, 0, 0, 0, 0, 0, 0, 0}},
		{{0, 0, 0, 0, 0, 0, 0, 1}, {0}},
		{[]byte("ba")},
	} {
		h := fog.HashOf(parts...)
		if j, ok := seen[h]; ok {
			t.Errorf("lists %d and %d have the digest %s", j, i, h)
		}
		seen[h] = i
	}
	if b := []byte("content"); fog.ContentHash(b) != sha256.Sum256(b) {
		t.Error("ContentHash is not SHA-256")
	}
}

func TestTaskIDsDiffer(t *testing.T) {
	seen := map[fog.TaskID]bool{}
	for j := range byte(3) {
		for _, i := range []uint32{0, 1, 256, 1 << 24, 1<<32 - 1} {
			id := fog.TaskIDOf(fog.JobID{j}, i)
			if seen[id] || id != fog.TaskIDOf(fog.JobID{j}, i) {
				t.Errorf("task %d of job %d is named %s", i, j, id)
			}
			seen[id] = true
		}
	}
}

var expiry = time.Unix(1_800_000_000, 0)

// The fields that an ask's id is promised to cover each change it, and those
// it is promised to leave out do not.
func TestAskID(t *testing.T) {
	ask := fog.Ask{
		Seller: fog.Address{1}, Device: fog.Address{2}, Peer: "peer", Addrs: []string{"/ip4/127.0.0.1/tcp/1"},
		Price: fog.Wei(3), Slots: 4, Memory: 5, Expiry: expiry, Nonce: 6,
	}
	id := ask.ID()
	seen := map[fog.OrderID]string{id: "the ask itself"}
	for name, change := range map[string]func(*fog.Ask){
		"seller": func(a *fog.Ask) { a.Seller[19]++ },
		"device": func(a *fog.Ask) { a.Device[19]++ },
		"peer":   func(a *fog.Ask) { a.Peer += "s" },
		"price":  func(a *fog.Ask) { a.Price = fog.Wei(4) },
		"expiry": func(a *fog.Ask) { a.Expiry = a.Expiry.Add(time.Second) },
		"nonce":  func(a *fog.Ask) { a.Nonce++ },
	} {
		a := ask
		change(&a)
		if other, ok := seen[a.ID()]; ok {
			t.Errorf("with another %s the ask has the id of %s", name, other)
		}
		seen[a.ID()] = "another " + name
	}
	for name, change := range map[string]func(*fog.Ask){
		"addresses": func(a *fog.Ask) { a.Addrs = nil },
		"signature": func(a *fog.Ask) { a.Sig[0]++ },
		"time zone": func(a *fog.Ask) { a.Expiry = a.Expiry.In(time.FixedZone("east", 3600)) },
	} {
		a := ask
		change(&a)
		if a.ID() != id {
			t.Errorf("another %s changed the id", name)
		}
	}
}

func TestDealID(t *testing.T) {
	deal := fog.Deal{
		Job: fog.JobID{1}, Ask: fog.OrderID{2}, Buyer: fog.Address{3}, Seller: fog.Address{4}, Module: fog.Hash{5},
		Input: fog.Hash{6}, Price: fog.Wei(7), Cap: fog.Wei(8), Secret: fog.Hash{9}, Expiry: expiry,
	}
	seen := map[fog.DealID]string{deal.ID(): "the deal itself"}
	for name, change := range map[string]func(*fog.Deal){
		"job":    func(d *fog.Deal) { d.Job[31]++ },
		"ask":    func(d *fog.Deal) { d.Ask[31]++ },
		"buyer":  func(d *fog.Deal) { d.Buyer[19]++ },
		"seller": func(d *fog.Deal) { d.Seller[19]++ },
		"roles":  func(d *fog.Deal) { d.Buyer, d.Seller = d.Seller, d.Buyer },
		"module": func(d *fog.Deal) { d.Module[31]++ },
		"input":  func(d *fog.Deal) { d.Input[31]++ },
		"price":  func(d *fog.Deal) { d.Price = fog.Wei(8) },
		"cap":    func(d *fog.Deal) { d.Cap = fog.Wei(7) },
		"secret": func(d *fog.Deal) { d.Secret[31]++ },
		"expiry": func(d *fog.Deal) { d.Expiry = d.Expiry.Add(time.Second) },
	} {
		d := deal
		change(&d)
		if other, ok := seen[d.ID()]; ok {
			t.Errorf("with another %s the deal has the id of %s", name, other)
		}
		seen[d.ID()] = "another " + name
	}
	here := deal
	here.Expiry = expiry.UTC()
	if here.ID() != deal.ID() {
		t.Error("the id depends on the time zone")
	}
}

func FuzzParseHash(f *testing.F) {
	for _, s := range []string{"", "0x", strings.Repeat("ab", 32), "0x" + strings.Repeat("AB", 32), strings.Repeat("0x", 32)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := fog.ParseHash(s)
		if err != nil {
			return
		}
		if b := []byte(strings.ToLower(s)); !bytes.HasSuffix(b, []byte(h.String())) || len(s) > 66 {
			t.Errorf("%q is read as %s", s, h)
		}
	})
}
