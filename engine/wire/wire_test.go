package wire_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"sonm/engine/fog"
	"sonm/engine/wire"
	"sonm/engine/wire/pb"
)

var update = flag.Bool("update", false, "write the golden vectors")

func h(s string) fog.Hash { return fog.ContentHash([]byte(s)) }

func addr(s string) (a fog.Address) { b := h(s); copy(a[:], b[:]); return a }

func sig(s string) (g fog.Signature) {
	a, b := h(s), h(s+"2")
	copy(g[:], a[:])
	copy(g[32:], b[:])
	g[64] = 27
	return g
}

var when = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func ask() fog.Ask {
	return fog.Ask{
		Seller: addr("seller"), Device: addr("device"), Peer: "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
		Addrs: []string{"/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/udp/4001/quic-v1"}, Price: fog.Wei(38e17), Slots: 4,
		Memory: 2 << 30, Expiry: when, Nonce: 7, Sig: sig("ask"),
	}
}

func deal() fog.Deal {
	return fog.Deal{
		Job: fog.JobID(h("job")), Ask: fog.OrderID(h("order")), Buyer: addr("buyer"), Seller: addr("seller"),
		Module: h("module"), Input: h("input"), Price: fog.Wei(5), Cap: fog.Wei(1e18), Secret: h("secret"), Expiry: when,
	}
}

// every has one message of each kind, named as in the golden file.
func every() []wire.Body {
	d, task := fog.DealID(h("deal")), fog.TaskID(h("task"))
	return []wire.Body{
		wire.Hello{Version: "sonm 1.0.0", Network: h("net"), Delegation: fog.Delegation{
			Account: addr("account"),
			Device:  addr("device"), Purposes: fog.PurposeOrder | fog.PurposeReceipt, Cap: fog.Wei(9), Expiry: when,
			Sig: sig("delegation"),
		}},
		wire.Ask{Ask: ask()},
		wire.Propose{Deal: deal(), Sig: sig("deal"), Size: 12345678, Settings: "cornell.glb 256x256, 256 samples"},
		wire.Accept{Deal: d, Sig: sig("accept")},
		wire.Refuse{Deal: d, Code: wire.RefusePrice, Reason: "price below the ask's"},
		wire.Lease{Lease: fog.Lease{Deal: d, Task: task, Index: 3, Attempt: 1, Spec: []byte{1, 2, 3}, Planned: 1e9}},
		wire.Heartbeat{Deal: d, Tasks: []fog.TaskID{task, fog.TaskID(h("task 2"))}},
		wire.Progress{Deal: d, Task: task, Attempt: 1, Work: 1e6},
		wire.Result{Receipt: fog.Receipt{
			Deal: d, Task: task, Attempt: 1, Spec: h("spec"), Result: h("out"), Work: 5,
			Level: 2, Sig: sig("receipt"),
		}, Output: []byte("out"), Engine: "wasmer"},
		wire.Voucher{Voucher: fog.Voucher{Buyer: addr("buyer"), Seller: addr("seller"), Epoch: 1, Total: fog.Wei(77), Sig: sig("v")}},
		wire.VoucherAck{Buyer: addr("buyer"), Seller: addr("seller"), Epoch: 1, Total: fog.Wei(77)},
		wire.Verdict{Deal: d, Task: task, Attempt: 1, Reason: "the result differs from ours"},
		wire.Cancel{Deal: d, Task: task, Attempt: 1, Reason: "done elsewhere"},
		wire.Close{Deal: d, Secret: h("opened"), Reason: "job finished"},
		wire.Closed{Deal: d},
		wire.WantManifest{Root: h("root"), Offset: 10},
		wire.Manifest{Root: h("root"), Size: 100, Offset: 10, Data: []byte("part")},
		wire.WantChunks{Root: h("root"), Chunks: []fog.Hash{h("a"), h("b")}},
		wire.Chunk{Name: h("a"), Data: []byte("a")},
		wire.NotFound{Name: h("b")},
	}
}

func TestGoldenVectors(t *testing.T) {
	var out bytes.Buffer
	for _, b := range every() {
		var frame bytes.Buffer
		if err := wire.Write(&frame, wire.New(b)); err != nil {
			t.Fatalf("Write(%s): %v", wire.NameOf(b), err)
		}
		out.WriteString(wire.NameOf(b) + " " + hex.EncodeToString(frame.Bytes()) + "\n")
	}
	const golden = "testdata/vectors.txt"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the encoding changed:\n%s\nwant\n%s", out.String(), want)
	}
	bodies := every()
	for i, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		name, digits, _ := strings.Cut(line, " ")
		frame, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.Read(bufio.NewReader(bytes.NewReader(frame)), wire.MaxControl)
		if err != nil {
			t.Fatalf("Read(%s): %v", name, err)
		}
		if !reflect.DeepEqual(m.Body, bodies[i]) {
			t.Errorf("Read(%s) = %+v, want %+v", name, m.Body, bodies[i])
		}
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	b, err := wire.Encode(wire.New(wire.Closed{Deal: fog.DealID(h("deal"))}))
	if err != nil {
		t.Fatal(err)
	}
	b = protowire.AppendTag(b, 1000, protowire.BytesType)
	b = protowire.AppendString(b, "from the future")
	m, err := wire.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := wire.Encode(m); err != nil || !bytes.Equal(again, b) {
		t.Errorf("Encode(Decode(b)) = %x, %v, want %x", again, err, b)
	}
	next := protowire.AppendBytes(protowire.AppendTag(nil, 98, protowire.BytesType), []byte("new body"))
	m, err = wire.Decode(next)
	if err != nil {
		t.Fatalf("a body of a newer version: %v", err)
	}
	if _, ok := m.Body.(wire.Unknown); !ok {
		t.Errorf("a body of a newer version is %T, want Unknown", m.Body)
	}
	if again, err := wire.Encode(m); err != nil || !bytes.Equal(again, next) {
		t.Errorf("Encode(Decode(next)) = %x, %v, want %x", again, err, next)
	}
}

// raw changes one good message into a bad one.
func raw[B wire.Body](t *testing.T, change func(*pb.Message)) []byte {
	t.Helper()
	for _, b := range every() {
		if _, ok := b.(B); !ok {
			continue
		}
		frame, err := wire.Encode(wire.New(b))
		if err != nil {
			t.Fatal(err)
		}
		m := &pb.Message{}
		if err := proto.Unmarshal(frame, m); err != nil {
			t.Fatal(err)
		}
		change(m)
		frame, err = proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	t.Fatal("no such body")
	return nil
}

func TestBadFieldsAreRefused(t *testing.T) {
	zero, wide := append([]byte{0}, 1), bytes.Repeat([]byte{1}, 17)
	for _, c := range []struct {
		want  string
		frame []byte
	}{
		{"network of 31 bytes", raw[wire.Hello](t, func(m *pb.Message) { m.GetHello().Network = make([]byte, 31) })},
		{"account of 0 bytes", raw[wire.Hello](t, func(m *pb.Message) { m.GetHello().Delegation = nil })},
		{"unprintable", raw[wire.Hello](t, func(m *pb.Message) { m.GetHello().Version = "\x1b[2J" })},
		{"version of 65 bytes", raw[wire.Hello](t, func(m *pb.Message) { m.GetHello().Version = strings.Repeat("v", 65) })},
		{"purposes", raw[wire.Hello](t, func(m *pb.Message) { m.GetHello().Delegation.Purposes = 256 })},
		{"leading zeros", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Price = zero })},
		{"price of 136 bits", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Price = wide })},
		{"out of range", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Expiry = -1 })},
		{"out of range", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Expiry = 1 << 40 })},
		{"slots", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Slots = 0 })},
		{"peer id of 0 bytes", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Peer = "" })},
		{"letters and digits", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Peer = "../../x" })},
		{"9 addresses", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Addrs = strings.Split("/a /a /a /a /a /a /a /a /a", " ") })},
		{"not a multiaddr", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Addrs = []string{"http://x"} })},
		{"signature of 64 bytes", raw[wire.Ask](t, func(m *pb.Message) { m.GetAsk().Sig = make([]byte, 64) })},
		{"job of 0 bytes", raw[wire.Propose](t, func(m *pb.Message) { m.GetPropose().Deal = nil })},
		{"cap of 136 bits", raw[wire.Propose](t, func(m *pb.Message) { m.GetPropose().Deal.Cap = wide })},
		{"input of", raw[wire.Propose](t, func(m *pb.Message) { m.GetPropose().Size = 1 << 50 })},
		{"without a code", raw[wire.Refuse](t, func(m *pb.Message) { m.GetRefuse().Code = 0 })},
		{"task spec of", raw[wire.Lease](t, func(m *pb.Message) { m.GetLease().Spec = make([]byte, wire.MaxSpec+1) })},
		{"1025 tasks", raw[wire.Heartbeat](t, func(m *pb.Message) { m.GetHeartbeat().Tasks = make([][]byte, 1025) })},
		{"task of 1 bytes", raw[wire.Heartbeat](t, func(m *pb.Message) { m.GetHeartbeat().Tasks[1] = []byte{1} })},
		{"spec of 0 bytes", raw[wire.Result](t, func(m *pb.Message) { m.GetResult().Receipt.Spec = nil })},
		{"total of 104 bits", raw[wire.Voucher](t, func(m *pb.Message) { m.GetVoucher().Total = wide[:13] })},
		{"257 chunks", raw[wire.WantChunks](t, func(m *pb.Message) { m.GetWantChunks().Chunks = make([][]byte, 257) })},
		{"no chunks", raw[wire.WantChunks](t, func(m *pb.Message) { m.GetWantChunks().Chunks = nil })},
		{"chunk of 1048577 bytes", raw[wire.Chunk](t, func(m *pb.Message) { m.GetChunk().Data = make([]byte, 1<<20+1) })},
		{"of a manifest of 100", raw[wire.Manifest](t, func(m *pb.Message) { m.GetManifest().Offset = 97 })},
		{"of a manifest of 100", raw[wire.Manifest](t, func(m *pb.Message) { m.GetManifest().Offset = 1<<64 - 1 })},
		{"manifest of 4294967296 bytes", raw[wire.Manifest](t, func(m *pb.Message) { m.GetManifest().Size = 1 << 32 })},
		{"manifest offset", raw[wire.WantManifest](t, func(m *pb.Message) { m.GetWantManifest().Offset = 1 << 40 })},
		{"0 bodies", nil},
		{"cannot parse", []byte("garbage")},
		{"2 bodies", append(raw[wire.Closed](t, func(*pb.Message) {}), raw[wire.Closed](t, func(*pb.Message) {})...)},
		{"control", raw[wire.Heartbeat](t, func(m *pb.Message) { m.GetHeartbeat().Tasks = make([][]byte, 1<<15) })},
	} {
		m, err := wire.Decode(c.frame)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Decode = %+v, %v, want an error with %q", m, err, c.want)
		}
	}
}

func TestWriteRefusesWhatReadWould(t *testing.T) {
	long := ask()
	long.Addrs = strings.Split(strings.Repeat("/a ", 9), " ")
	for _, b := range []wire.Body{
		wire.Ask{Ask: long},
		wire.Ask{},
		wire.Unknown{},
		nil,
		wire.Refuse{Code: 1, Reason: strings.Repeat("x", 600)},
		wire.Chunk{Data: make([]byte, wire.MaxChunk+1)},
	} {
		if err := wire.Write(io.Discard, wire.New(b)); err == nil {
			t.Errorf("Write(%T) passed", b)
		}
	}
}

func TestReadBoundsLengths(t *testing.T) {
	big, err := wire.Encode(wire.New(wire.Result{Receipt: fog.Receipt{}, Output: make([]byte, 3<<20)}))
	if err != nil {
		t.Fatal(err)
	}
	framed := append(binary.AppendUvarint(nil, uint64(len(big))), big...)
	for _, c := range []struct {
		name string
		in   []byte
		max  int
		want error
	}{
		{"empty", nil, 10, io.EOF},
		{"cut in the length", []byte{0x80}, 1 << 20, io.ErrUnexpectedEOF},
		{"cut in the body", framed[:1000], wire.MaxResult, io.ErrUnexpectedEOF},
		{"cut far in the body", framed[:2<<20], wire.MaxResult, io.ErrUnexpectedEOF},
		{"above the limit", framed, wire.MaxControl, wire.ErrTooLarge},
		{"varint of ten bytes", bytes.Repeat([]byte{0xff}, 10), wire.MaxResult, wire.ErrTooLarge},
		{"whole", framed, wire.MaxResult, nil},
	} {
		_, err := wire.Read(bufio.NewReader(bytes.NewReader(c.in)), c.max)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Read = %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := wire.Read(bufio.NewReader(bytes.NewReader([]byte{0x81, 0x00, 1})), 10); err == nil {
		t.Error("a length with leading zeros passed")
	}
}

func TestAskFitsGossip(t *testing.T) {
	b, err := wire.EncodeAsk(ask())
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 512 {
		t.Errorf("an ask with two addresses takes %d bytes, want at most 512", len(b))
	}
	a, err := wire.DecodeAsk(b)
	if err != nil || !reflect.DeepEqual(a, ask()) {
		t.Errorf("DecodeAsk = %+v, %v, want %+v", a, err, ask())
	}
	if _, err := wire.DecodeAsk(make([]byte, wire.MaxAsk+1)); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("DecodeAsk of too many bytes: %v", err)
	}
	closed, err := wire.Encode(wire.New(wire.Closed{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.DecodeAsk(closed); err == nil {
		t.Error("DecodeAsk took a message of another kind")
	}
}

// Chunks have a short cut, which must not show.
func TestChunksAreWrittenAsAnyMessage(t *testing.T) {
	for _, n := range []int{0, 1, 90, 127, 128, 1 << 14, wire.MaxChunk} {
		c := wire.Chunk{Name: h("a"), Data: bytes.Repeat([]byte{5}, n)}
		plain, err := wire.Encode(wire.New(c))
		if err != nil {
			t.Fatal(err)
		}
		want := append(binary.AppendUvarint(nil, uint64(len(plain))), plain...)
		var got bytes.Buffer
		if err := wire.Write(&got, wire.New(c)); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("Write of a chunk of %d bytes: %v, differs from Encode", n, err)
		}
		more := protowire.AppendVarint(protowire.AppendTag(plain, 1000, protowire.VarintType), 7)
		framed := append(binary.AppendUvarint(want, uint64(len(more))), more...)
		r := bufio.NewReader(bytes.NewReader(framed))
		for i := range 2 {
			m, err := wire.Read(r, wire.MaxChunk+wire.MaxControl)
			if err != nil {
				t.Fatal(err)
			}
			if k := m.Body.(wire.Chunk); k.Name != c.Name || !bytes.Equal(k.Data, c.Data) {
				t.Errorf("a chunk of %d bytes came back changed", n)
			}
			if again, err := wire.Encode(m); err != nil || !bytes.Equal(again, [][]byte{plain, more}[i]) {
				t.Errorf("Encode of a chunk of %d bytes that was read: %v, differs", n, err)
			}
		}
	}
}

// What passes the checks once passes them again and means the same.
func FuzzDecode(f *testing.F) {
	for _, b := range every() {
		frame, err := wire.Encode(wire.New(b))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := wire.Decode(frame)
		if err != nil {
			return
		}
		again, err := wire.Encode(m)
		if err != nil {
			t.Fatalf("Encode of a decoded %s: %v", wire.NameOf(m.Body), err)
		}
		n, err := wire.Decode(again)
		if err != nil || !reflect.DeepEqual(n.Body, m.Body) {
			t.Fatalf("Decode(Encode(m)) = %+v, %v, want %+v", n, err, m.Body)
		}
		if _, unknown := m.Body.(wire.Unknown); unknown {
			return
		}
		fresh, err := wire.Encode(wire.New(m.Body))
		if err != nil {
			t.Fatalf("Encode of a fresh %s: %v", wire.NameOf(m.Body), err)
		}
		n, err = wire.Decode(fresh)
		if err != nil {
			t.Fatalf("Decode of a fresh %s: %v", wire.NameOf(m.Body), err)
		}
		if last, err := wire.Encode(wire.New(n.Body)); err != nil || !bytes.Equal(last, fresh) {
			t.Fatalf("Encode(Decode(%x)) = %x, %v", fresh, last, err)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, b := range every() {
		var frame bytes.Buffer
		if err := wire.Write(&frame, wire.New(b)); err != nil {
			f.Fatal(err)
		}
		f.Add(frame.Bytes())
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bufio.NewReader(bytes.NewReader(stream))
		for {
			if _, err := wire.Read(r, wire.MaxControl); err != nil {
				return
			}
		}
	})
}
