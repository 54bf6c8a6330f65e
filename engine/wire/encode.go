package wire

import (
	"bytes"
	"fmt"
	"time"

	"sonm/engine/fog"
	"sonm/engine/wire/pb"
)

// envelope turns a body of ours into its envelope. What it makes still has to
// pass body, which holds all checks.
func envelope(b Body) (*pb.Message, error) {
	switch b := b.(type) {
	case Hello:
		return &pb.Message{Body: &pb.Message_Hello{Hello: helloOut(b)}}, nil
	case Ask:
		return &pb.Message{Body: &pb.Message_Ask{Ask: askOut(b.Ask)}}, nil
	case Propose:
		return &pb.Message{Body: &pb.Message_Propose{Propose: &pb.Propose{
			Deal: dealOut(b.Deal), Sig: b.Sig[:], Size: b.Size, Settings: b.Settings,
		}}}, nil
	case Accept:
		return &pb.Message{Body: &pb.Message_Accept{Accept: &pb.Accept{Deal: b.Deal[:], Sig: b.Sig[:]}}}, nil
	case Refuse:
		return &pb.Message{Body: &pb.Message_Refuse{Refuse: &pb.Refuse{
			Deal: b.Deal[:], Code: uint32(b.Code), Reason: b.Reason,
		}}}, nil
	case Close:
		return &pb.Message{Body: &pb.Message_Close{Close: &pb.Close{
			Deal: b.Deal[:], Secret: b.Secret[:], Reason: b.Reason,
		}}}, nil
	case Closed:
		return &pb.Message{Body: &pb.Message_Closed{Closed: &pb.Closed{Deal: b.Deal[:]}}}, nil
	}
	if m := workOut(b); m != nil {
		return m, nil
	}
	if m := blobOut(b); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("message of type %T cannot be written", b)
}

// workOut makes the envelopes of the job protocol, or nil.
func workOut(b Body) *pb.Message {
	switch b := b.(type) {
	case Lease:
		l := b.Lease
		return &pb.Message{Body: &pb.Message_Lease{Lease: &pb.Lease{
			Deal: l.Deal[:], Task: l.Task[:],
			Index: l.Index, Attempt: l.Attempt, Spec: l.Spec, Planned: l.Planned,
		}}}
	case Heartbeat:
		return &pb.Message{Body: &pb.Message_Heartbeat{Heartbeat: &pb.Heartbeat{
			Deal: b.Deal[:], Tasks: listOut(b.Tasks),
		}}}
	case Progress:
		return &pb.Message{Body: &pb.Message_Progress{Progress: &pb.Progress{
			Deal: b.Deal[:], Task: b.Task[:], Attempt: b.Attempt, Work: b.Work,
		}}}
	case Result:
		return &pb.Message{Body: &pb.Message_Result{Result: &pb.Result{
			Receipt: receiptOut(b.Receipt), Output: b.Output, Engine: b.Engine,
		}}}
	case Voucher:
		v := b.Voucher
		return &pb.Message{Body: &pb.Message_Voucher{Voucher: &pb.Voucher{
			Buyer: v.Buyer[:], Seller: v.Seller[:],
			Epoch: v.Epoch, Total: amountOut(v.Total), Sig: v.Sig[:],
		}}}
	case VoucherAck:
		return &pb.Message{Body: &pb.Message_VoucherAck{VoucherAck: &pb.VoucherAck{
			Buyer:  b.Buyer[:],
			Seller: b.Seller[:], Epoch: b.Epoch, Total: amountOut(b.Total),
		}}}
	case Verdict:
		return &pb.Message{Body: &pb.Message_Verdict{Verdict: &pb.Verdict{
			Deal: b.Deal[:], Task: b.Task[:],
			Attempt: b.Attempt, Accepted: b.Accepted, Reason: b.Reason,
		}}}
	case Cancel:
		return &pb.Message{Body: &pb.Message_Cancel{Cancel: &pb.Cancel{
			Deal: b.Deal[:], Task: b.Task[:],
			Attempt: b.Attempt, Reason: b.Reason,
		}}}
	}
	return nil
}

// blobOut makes the envelopes of the blob protocol, or nil.
func blobOut(b Body) *pb.Message {
	switch b := b.(type) {
	case WantManifest:
		return &pb.Message{Body: &pb.Message_WantManifest{WantManifest: &pb.WantManifest{
			Root: b.Root[:], Offset: b.Offset,
		}}}
	case Manifest:
		return &pb.Message{Body: &pb.Message_Manifest{Manifest: &pb.Manifest{
			Root: b.Root[:], Size: b.Size, Offset: b.Offset, Data: b.Data,
		}}}
	case WantChunks:
		return &pb.Message{Body: &pb.Message_WantChunks{WantChunks: &pb.WantChunks{
			Root: b.Root[:], Chunks: listOut(b.Chunks),
		}}}
	case Chunk:
		return &pb.Message{Body: &pb.Message_Chunk{Chunk: &pb.Chunk{Name: b.Name[:], Data: b.Data}}}
	case NotFound:
		return &pb.Message{Body: &pb.Message_NotFound{NotFound: &pb.NotFound{Name: b.Name[:]}}}
	}
	return nil
}

func helloOut(h Hello) *pb.Hello {
	out := &pb.Hello{Version: h.Version, Network: h.Network[:]}
	d := h.Delegation
	out.Delegation = &pb.Delegation{
		Account: d.Account[:], Device: d.Device[:], Purposes: uint32(d.Purposes),
		Cap: amountOut(d.Cap), Expiry: timeOut(d.Expiry), Sig: d.Sig[:],
	}
	return out
}

func askOut(a fog.Ask) *pb.Ask {
	return &pb.Ask{
		Seller: a.Seller[:], Device: a.Device[:], Peer: string(a.Peer), Addrs: a.Addrs,
		Price: amountOut(a.Price), Slots: a.Slots, Memory: a.Memory, Expiry: timeOut(a.Expiry),
		Nonce: a.Nonce, Sig: a.Sig[:],
	}
}

func dealOut(d fog.Deal) *pb.Deal {
	return &pb.Deal{
		Job: d.Job[:], Ask: d.Ask[:], Buyer: d.Buyer[:], Seller: d.Seller[:], Module: d.Module[:],
		Input: d.Input[:], Price: amountOut(d.Price), Cap: amountOut(d.Cap), Secret: d.Secret[:],
		Expiry: timeOut(d.Expiry),
	}
}

func receiptOut(r fog.Receipt) *pb.Receipt {
	return &pb.Receipt{
		Deal: r.Deal[:], Task: r.Task[:], Attempt: r.Attempt, Spec: r.Spec[:],
		Result: r.Result[:], Work: r.Work, Level: uint32(r.Level), Sig: r.Sig[:],
	}
}

func listOut[H ~[32]byte](list []H) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}

// amountOut is the shortest big-endian form.
func amountOut(a fog.Amount) []byte { return bytes.TrimLeft(a[:], "\x00") }

// timeOut drops what is below a second: signatures cover whole seconds.
func timeOut(t time.Time) int64 { return t.Unix() }
