package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/blob"
	"sonm/engine/fog"
	"sonm/engine/proof"
	"sonm/engine/sandbox"
	"sonm/engine/wire"
)

// What a buyer may owe before work for it waits: so many results per slot,
// which covers those on their way and in its spot checks, and a share of what
// was delivered, which covers a slow checker at twice the usual rate.
const (
	credit   = 4
	maturing = 10 // one in so many
)

// maxQueue is the most leases a buyer may have waiting in one deal; more is an
// attack on our memory.
const maxQueue = 1024

// held is what a deal's goroutines share.
type held struct {
	leases chan fog.Lease
	slots  int // workers of this deal

	mu    sync.Mutex
	tasks []fog.TaskID  // guarded by mu; leased and not answered
	done  int           // guarded by mu; receipts sent
	total fog.Amount    // guarded by mu; highest voucher
	since fog.Amount    // guarded by mu; voucher total of this buyer before the deal
	owed  fog.Amount    // guarded by mu; price of the results sent
	most  fog.Amount    // guarded by mu; of the dearest of them
	raise chan struct{} // guarded by mu; closed and replaced by each voucher
}

// earned is what the vouchers of this deal add up to; mu is held.
func (h *held) earned() fog.Amount {
	paid, err := h.total.Sub(h.since)
	if err != nil {
		return fog.Amount{} // no voucher in this deal
	}
	return paid
}

// charge counts a result that was sent.
func (h *held) charge(price fog.Amount) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owed = h.owed.Add(price)
	if price.Cmp(h.most) > 0 {
		h.most = price
	}
}

// overdue reports whether more is unpaid than the results that may be in the
// buyer's checks, and a channel that is closed by the next voucher.
func (h *held) overdue() (bool, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	open, err := h.owed.Sub(h.earned())
	if err != nil {
		return false, nil // promised ahead
	}
	var limit fog.Amount
	for range credit*h.slots + h.done/maturing {
		limit = limit.Add(h.most)
	}
	return open.Cmp(limit) > 0, h.raise
}

// trust waits while the buyer owes too much; one that goes on not paying loses
// the deal.
func (h *held) trust(ctx context.Context) error {
	end := time.NewTimer(unpaid)
	defer end.Stop()
	for {
		late, raise := h.overdue()
		if !late {
			return nil
		}
		select {
		case <-raise:
		case <-end.C:
			return errUnpaid
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *held) take(id fog.TaskID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tasks = append(h.tasks, id)
}

func (h *held) drop(id fog.TaskID, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tasks = slices.DeleteFunc(h.tasks, func(t fog.TaskID) bool { return t == id })
	if done {
		h.done++
	}
}

func (h *held) inHand() []fog.TaskID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tasks)
}

// errUnpaid ends a deal whose buyer takes and does not give.
var errUnpaid = errors.New("the buyer does not pay for its results")

// errClosed ends a deal the good way.
var errClosed = errors.New("deal closed by the buyer")

// run works on a signed deal until the buyer closes it.
func (d *deal) run(ctx context.Context) error {
	input, err := d.fetch(ctx)
	if err != nil {
		return fmt.Errorf("fetch input: %w", err)
	}
	h := &held{leases: make(chan fog.Lease, maxQueue), slots: d.w.cfg.Slots, raise: make(chan struct{})}
	g, ctx := errgroup.WithContext(ctx)
	for range h.slots {
		g.Go(func() error { return d.slot(ctx, h, input) })
	}
	g.Go(func() error { return d.beat(ctx, h) })
	g.Go(func() error { return d.listen(ctx, h) })
	if err := g.Wait(); !errors.Is(err, errClosed) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d.w.parts.Emit(fog.DealClosed{Deal: d.id, Tasks: h.done, Paid: h.earned()})
	return nil
}

// fetch brings the job's input here, chunk by verified chunk.
func (d *deal) fetch(ctx context.Context) ([]byte, error) {
	m, err := blob.Fetch(ctx, d.w.parts.Net.Source(d.s.Peer()), d.body.Input, d.app.Memory/2, d.w.parts.Blobs)
	if err != nil {
		return nil, err
	}
	seed := SeedOf(d.body.Input)
	buf := bytes.NewBuffer(make([]byte, 0, uint64(len(seed))+m.Total))
	buf.Write(seed[:])
	if _, err := io.Copy(buf, blob.Open(d.w.parts.Blobs, m)); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// slot runs leased tasks one after the other in a child of its own, started
// with the first of them.
func (d *deal) slot(ctx context.Context, h *held, input []byte) error {
	var s Session
	defer func() {
		if s != nil {
			s.Close()
		}
	}()
	for {
		var l fog.Lease
		var open bool
		select {
		case l, open = <-h.leases:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !open {
			return nil
		}
		var err error
		if s == nil {
			if s, err = d.start(ctx, input); err != nil {
				return fmt.Errorf("start %s: %w", d.app.Name, err)
			}
		}
		if err := d.task(ctx, h, s, l); err != nil {
			return err
		}
	}
}

func (d *deal) start(ctx context.Context, input []byte) (Session, error) {
	s, err := d.w.parts.Runtime.Start(ctx, d.app.Module)
	if err != nil {
		return nil, err
	}
	if _, err := s.Open(ctx, input); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// task runs one lease and answers it with a signed result, or with a cancel
// that says why it cannot be done here.
func (d *deal) task(ctx context.Context, h *held, s Session, l fog.Lease) error {
	if err := h.trust(ctx); err != nil {
		return err
	}
	select {
	case d.w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	reply, err := s.Task(ctx, l.Spec)
	<-d.w.slots
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		h.drop(l.Task, false)
		return d.giveBack(ctx, l, err)
	}
	r, err := d.w.parts.Keys.SignReceipt(ctx, fog.Receipt{
		Deal: d.id, Task: l.Task, Attempt: l.Attempt,
		Spec: fog.ContentHash(l.Spec), Result: fog.ContentHash(reply.Payload), Work: reply.Work, Level: s.Level(),
	})
	if err != nil {
		return fmt.Errorf("sign receipt: %w", err)
	}
	if err := d.w.parts.Journal.PutResult(ctx, l.Index, r); err != nil {
		return err
	}
	if err := d.send(ctx, wire.Result{Receipt: r, Output: reply.Payload, Engine: string(reply.Engine)}); err != nil {
		return fmt.Errorf("send result: %w", err)
	}
	h.charge(d.body.Price.Cost(proof.Paid(reply.Work, l.Planned)))
	h.drop(l.Task, true)
	d.w.parts.Emit(fog.TaskFinished{Deal: d.id, Index: l.Index, Work: reply.Work, Engine: string(reply.Engine), CPU: reply.CPU})
	return nil
}

// giveBack returns a lease that failed. What the guest itself refuses would
// fail at every seller, so the buyer is told in the guest's words.
func (d *deal) giveBack(ctx context.Context, l fog.Lease, err error) error {
	reason := err.Error()
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		reason = e.Msg
	}
	if len(reason) > wire.MaxReason {
		reason = reason[:wire.MaxReason]
	}
	d.w.parts.Emit(fog.TaskFailed{Deal: d.id, Index: l.Index, Reason: reason})
	return d.send(ctx, wire.Cancel{Deal: d.id, Task: l.Task, Attempt: l.Attempt, Reason: reason})
}

// beat tells the buyer which tasks are in hand.
func (d *deal) beat(ctx context.Context, h *held) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := d.send(ctx, wire.Heartbeat{Deal: d.id, Tasks: h.inHand()}); err != nil {
			return fmt.Errorf("send heartbeat: %w", err)
		}
	}
}

// listen is the only reader of the stream.
func (d *deal) listen(ctx context.Context, h *held) error {
	for {
		m, err := d.hear(ctx, h)
		if err != nil {
			return err
		}
		switch b := m.Body.(type) {
		case wire.Lease:
			err = d.lease(h, b.Lease)
		case wire.Voucher:
			err = d.voucher(ctx, h, b.Voucher)
		case wire.Close:
			return d.close(ctx, b)
		case wire.Verdict, wire.Cancel, wire.VoucherAck, wire.Unknown:
			// a verdict's effect is the voucher or its absence; a cancelled
			// task of the first version is finished and simply not wanted
		default:
			err = fmt.Errorf("unexpected %s", wire.NameOf(m.Body))
		}
		if err != nil {
			return err
		}
	}
}

// hear takes the buyer's next message; one that is silent while no task of its
// is in hand loses the deal.
func (d *deal) hear(ctx context.Context, h *held) (*wire.Message, error) {
	for {
		m, err := d.patient(ctx)
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("receive: %w", err)
		case len(h.inHand()) == 0:
			return nil, fmt.Errorf("the buyer gave no work for %v", idle)
		}
	}
}

func (d *deal) patient(ctx context.Context) (*wire.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	return d.s.Recv(ctx, wire.MaxControl)
}

// send says something to the buyer, who must read it in bounded time.
func (d *deal) send(ctx context.Context, b wire.Body) error {
	ctx, cancel := context.WithTimeout(ctx, sending)
	defer cancel()
	return d.s.Send(ctx, wire.New(b))
}

func (d *deal) lease(h *held, l fog.Lease) error {
	if l.Deal != d.id || l.Task != fog.TaskIDOf(d.body.Job, l.Index) {
		return fmt.Errorf("lease of task %d belongs to another deal", l.Index)
	}
	h.take(l.Task)
	select {
	case h.leases <- l:
		return nil
	default:
		return fmt.Errorf("more than %d leases waiting", maxQueue)
	}
}

// voucher keeps a promise of the buyer and confirms it once it is on disk.
func (d *deal) voucher(ctx context.Context, h *held, v fog.Voucher) error {
	if v.Buyer != d.body.Buyer || v.Seller != d.body.Seller {
		return fmt.Errorf("voucher between other parties")
	}
	if err := d.w.parts.Verifier.VerifyVoucher(v, d.device); err != nil {
		return fmt.Errorf("voucher: %w", err)
	}
	if h.total.IsZero() {
		since, err := d.w.parts.Journal.SellerVoucherTotal(ctx, v.Buyer, v.Epoch)
		if err != nil {
			return err
		}
		h.mu.Lock()
		h.since = since
		h.mu.Unlock()
	}
	if v.Total.Cmp(h.total) <= 0 {
		return nil // late or repeated: harmless
	}
	if err := d.w.parts.Journal.PutSellerVoucher(ctx, v); err != nil {
		return err
	}
	h.mu.Lock()
	h.total = v.Total
	close(h.raise)
	h.raise = make(chan struct{})
	h.mu.Unlock()
	d.w.parts.Emit(fog.Earned{Deal: d.id, Total: v.Total})
	return d.send(ctx, wire.VoucherAck{Buyer: v.Buyer, Seller: v.Seller, Epoch: v.Epoch, Total: v.Total})
}

// close confirms the end and stops the deal's goroutines.
func (d *deal) close(ctx context.Context, c wire.Close) error {
	if c.Deal != d.id {
		return fmt.Errorf("close of another deal")
	}
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	if err := d.s.Send(ctx, wire.New(wire.Closed{Deal: d.id})); err != nil {
		return fmt.Errorf("confirm close: %w", err)
	}
	return errClosed
}
