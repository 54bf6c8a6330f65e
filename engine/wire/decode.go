package wire

import (
	"sonm/engine/fog"
	"sonm/engine/wire/pb"
)

// bodyOf checks every field of an envelope and gives its body.
func bodyOf(m *pb.Message) (Body, error) {
	c := &check{}
	b := c.talk(m)
	if b == nil {
		b = c.work(m)
	}
	if b == nil {
		b = c.blob(m)
	}
	if b == nil {
		b = Unknown{}
	}
	return b, c.err
}

// talk reads the bodies that make and end deals.
func (c *check) talk(m *pb.Message) Body {
	switch m.Body.(type) {
	case *pb.Message_Hello:
		return c.hello(m.GetHello())
	case *pb.Message_Ask:
		return Ask{c.ask(m.GetAsk())}
	case *pb.Message_Propose:
		p := m.GetPropose()
		b := Propose{
			Deal: c.deal(p.GetDeal()), Sig: c.sig("signature", p.GetSig()), Size: p.GetSize(),
			Settings: c.sentence("settings", p.GetSettings(), MaxSettings),
		}
		if b.Size > MaxInput {
			c.fail("input of %d bytes, at most %d", b.Size, uint64(MaxInput))
		}
		return b
	case *pb.Message_Accept:
		a := m.GetAccept()
		return Accept{Deal: fog.DealID(c.hash("deal", a.GetDeal())), Sig: c.sig("signature", a.GetSig())}
	case *pb.Message_Refuse:
		r := m.GetRefuse()
		if r.GetCode() == 0 {
			c.fail("refusal without a code")
		}
		return Refuse{
			Deal: fog.DealID(c.hash("deal", r.GetDeal())), Code: Refusal(r.GetCode()),
			Reason: c.sentence("reason", r.GetReason(), MaxReason),
		}
	case *pb.Message_Close:
		e := m.GetClose()
		return Close{
			Deal: fog.DealID(c.hash("deal", e.GetDeal())), Secret: c.hash("secret", e.GetSecret()),
			Reason: c.sentence("reason", e.GetReason(), MaxReason),
		}
	case *pb.Message_Closed:
		return Closed{Deal: fog.DealID(c.hash("deal", m.GetClosed().GetDeal()))}
	}
	return nil
}

// work reads the bodies of the job protocol.
func (c *check) work(m *pb.Message) Body {
	switch m.Body.(type) {
	case *pb.Message_Lease:
		return Lease{c.lease(m.GetLease())}
	case *pb.Message_Heartbeat:
		h := m.GetHeartbeat()
		return Heartbeat{
			Deal:  fog.DealID(c.hash("deal", h.GetDeal())),
			Tasks: hashes[fog.TaskID](c, "task", h.GetTasks(), MaxTasks),
		}
	case *pb.Message_Progress:
		p := m.GetProgress()
		return Progress{
			Deal: fog.DealID(c.hash("deal", p.GetDeal())), Task: fog.TaskID(c.hash("task", p.GetTask())),
			Attempt: p.GetAttempt(), Work: p.GetWork(),
		}
	case *pb.Message_Result:
		r := m.GetResult()
		return Result{Receipt: c.receipt(r.GetReceipt()), Output: r.GetOutput(), Engine: c.sentence("engine", r.GetEngine(), MaxEngine)}
	case *pb.Message_Voucher:
		return Voucher{c.voucher(m.GetVoucher())}
	case *pb.Message_VoucherAck:
		v := m.GetVoucherAck()
		return VoucherAck{
			Buyer: c.address("buyer", v.GetBuyer()), Seller: c.address("seller", v.GetSeller()),
			Epoch: v.GetEpoch(), Total: c.amount("total", v.GetTotal(), voucherBytes),
		}
	case *pb.Message_Verdict:
		v := m.GetVerdict()
		return Verdict{
			Deal: fog.DealID(c.hash("deal", v.GetDeal())), Task: fog.TaskID(c.hash("task", v.GetTask())),
			Attempt: v.GetAttempt(), Accepted: v.GetAccepted(), Reason: c.sentence("reason", v.GetReason(), MaxReason),
		}
	case *pb.Message_Cancel:
		x := m.GetCancel()
		return Cancel{
			Deal: fog.DealID(c.hash("deal", x.GetDeal())), Task: fog.TaskID(c.hash("task", x.GetTask())),
			Attempt: x.GetAttempt(), Reason: c.sentence("reason", x.GetReason(), MaxReason),
		}
	}
	return nil
}

// blob reads the bodies of the blob protocol.
func (c *check) blob(m *pb.Message) Body {
	switch m.Body.(type) {
	case *pb.Message_WantManifest:
		w := m.GetWantManifest()
		if w.GetOffset() > MaxManifest {
			c.fail("manifest offset %d, at most %d", w.GetOffset(), MaxManifest)
		}
		return WantManifest{Root: c.hash("root", w.GetRoot()), Offset: w.GetOffset()}
	case *pb.Message_Manifest:
		return c.part(m.GetManifest())
	case *pb.Message_WantChunks:
		w := m.GetWantChunks()
		if len(w.GetChunks()) == 0 {
			c.fail("a want of no chunks")
		}
		return WantChunks{
			Root:   c.hash("root", w.GetRoot()),
			Chunks: hashes[fog.Hash](c, "chunk", w.GetChunks(), MaxBatch),
		}
	case *pb.Message_Chunk:
		k := m.GetChunk()
		return Chunk{Name: c.hash("chunk", k.GetName()), Data: c.bytes("chunk", k.GetData(), MaxChunk)}
	case *pb.Message_NotFound:
		return NotFound{Name: c.hash("name", m.GetNotFound().GetName())}
	}
	return nil
}

func (c *check) part(p *pb.Manifest) Body {
	b := Manifest{
		Root: c.hash("root", p.GetRoot()), Size: p.GetSize(), Offset: p.GetOffset(),
		Data: c.bytes("part of a manifest", p.GetData(), MaxPart),
	}
	if b.Size > MaxManifest {
		c.fail("manifest of %d bytes, at most %d", b.Size, MaxManifest)
	} else if b.Offset > b.Size || uint64(len(b.Data)) > b.Size-b.Offset {
		c.fail("%d bytes at %d of a manifest of %d", len(b.Data), b.Offset, b.Size)
	}
	return b
}

func (c *check) hello(h *pb.Hello) Body {
	return Hello{
		Version: c.sentence("version", h.GetVersion(), MaxVersion), Network: c.hash("network", h.GetNetwork()),
		Delegation: c.delegation(h.GetDelegation()),
	}
}

func (c *check) delegation(d *pb.Delegation) fog.Delegation {
	if d.GetPurposes() > 0xff {
		c.fail("purposes %#x of a delegation", d.GetPurposes())
	}
	return fog.Delegation{
		Account: c.address("account", d.GetAccount()), Device: c.address("device", d.GetDevice()),
		Purposes: fog.Purpose(d.GetPurposes()), Cap: c.amount("cap", d.GetCap(), amountBytes),
		Expiry: c.time("delegation's expiry", d.GetExpiry()), Sig: c.sig("delegation's signature", d.GetSig()),
	}
}

func (c *check) ask(a *pb.Ask) fog.Ask {
	if a.GetSlots() == 0 || a.GetSlots() > maxSlots {
		c.fail("ask of %d slots, want 1 to %d", a.GetSlots(), maxSlots)
	}
	return fog.Ask{
		Seller: c.address("seller", a.GetSeller()), Device: c.address("device", a.GetDevice()),
		Peer: c.peer(a.GetPeer()), Addrs: c.addrs(a.GetAddrs()), Price: c.amount("price", a.GetPrice(), amountBytes),
		Slots: a.GetSlots(), Memory: a.GetMemory(), Expiry: c.time("ask's expiry", a.GetExpiry()),
		Nonce: a.GetNonce(), Sig: c.sig("signature", a.GetSig()),
	}
}

func (c *check) deal(d *pb.Deal) fog.Deal {
	return fog.Deal{
		Job: fog.JobID(c.hash("job", d.GetJob())), Ask: fog.OrderID(c.hash("ask", d.GetAsk())),
		Buyer: c.address("buyer", d.GetBuyer()), Seller: c.address("seller", d.GetSeller()),
		Module: c.hash("module", d.GetModule()), Input: c.hash("input", d.GetInput()),
		Price: c.amount("price", d.GetPrice(), amountBytes), Cap: c.amount("cap", d.GetCap(), amountBytes),
		Secret: c.hash("secret", d.GetSecret()), Expiry: c.time("deal's expiry", d.GetExpiry()),
	}
}

func (c *check) lease(l *pb.Lease) fog.Lease {
	return fog.Lease{
		Deal: fog.DealID(c.hash("deal", l.GetDeal())), Task: fog.TaskID(c.hash("task", l.GetTask())),
		Index: l.GetIndex(), Attempt: l.GetAttempt(), Spec: c.bytes("task spec", l.GetSpec(), MaxSpec),
		Planned: l.GetPlanned(),
	}
}

func (c *check) receipt(r *pb.Receipt) fog.Receipt {
	return fog.Receipt{
		Deal: fog.DealID(c.hash("deal", r.GetDeal())), Task: fog.TaskID(c.hash("task", r.GetTask())),
		Attempt: r.GetAttempt(), Spec: c.hash("spec", r.GetSpec()), Result: c.hash("result", r.GetResult()),
		Work: r.GetWork(), Level: fog.Level(r.GetLevel()), Sig: c.sig("receipt's signature", r.GetSig()),
	}
}

func (c *check) voucher(v *pb.Voucher) fog.Voucher {
	return fog.Voucher{
		Buyer: c.address("buyer", v.GetBuyer()), Seller: c.address("seller", v.GetSeller()),
		Epoch: v.GetEpoch(), Total: c.amount("total", v.GetTotal(), voucherBytes), Sig: c.sig("signature", v.GetSig()),
	}
}
