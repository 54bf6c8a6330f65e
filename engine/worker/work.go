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

// maxQueue is the most leases a buyer may have waiting in one deal; more is an
// attack on our memory.
const maxQueue = 1024

// remembered is how many of the last paid tasks a deal knows: more than can be
// leased again before an honest buyer has heard of their results.
const remembered = 64

// held is what a deal's goroutines share.
type held struct {
	leases chan fog.Lease
	named  fog.TaskID   // by the last verdict; only the reader's
	paid   []fog.TaskID // lately, the last one at the end; only the reader's
	no     string       // why the buyer does not pay for a result, if that was its last word; only the reader's

	mu       sync.Mutex
	tasks    []fog.TaskID        // guarded by mu; leased and not answered
	done     int                 // guarded by mu; receipts sent
	total    fog.Amount          // guarded by mu; highest voucher
	unwanted map[fog.TaskID]bool // guarded by mu; taken back by the buyer
}

func (h *held) take(id fog.TaskID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tasks = append(h.tasks, id)
	delete(h.unwanted, id)
}

func (h *held) drop(id fog.TaskID, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tasks = slices.DeleteFunc(h.tasks, func(t fog.TaskID) bool { return t == id })
	if done {
		h.done++
	}
}

// cancel notes that the buyer does not want a result any more; one that was sent
// is owed all the same.
func (h *held) cancel(id fog.TaskID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.tasks, id) {
		h.unwanted[id] = true
	}
}

// wants reports whether the buyer still wants a result.
func (h *held) wants(id fog.TaskID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.unwanted[id]
}

func (h *held) inHand() []fog.TaskID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tasks)
}

// errClosed ends a deal the good way.
var errClosed = errors.New("deal closed by the buyer")

// run works on a signed deal until the buyer closes it.
func (d *deal) run(ctx context.Context) error {
	h := &held{leases: make(chan fog.Lease, maxQueue), unwanted: map[fog.TaskID]bool{}}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.beat(ctx, h) })
	g.Go(func() error { return d.listen(ctx, h) })
	g.Go(func() error { return d.slots(ctx, h) })
	err := g.Wait()
	if h.no != "" && !errors.Is(err, errClosed) && !errors.Is(err, errUnpaid) {
		return fmt.Errorf("the buyer ended the deal over a result: %s", plain(h.no))
	}
	if !errors.Is(err, errClosed) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	paid, err := h.total.Sub(d.since)
	if err != nil {
		paid = fog.Amount{} // no voucher in this deal
	}
	d.w.parts.Emit(fog.DealClosed{Deal: d.id, Tasks: h.done, Paid: paid})
	return nil
}

// slots fetches the input and then runs tasks on every slot of this computer.
func (d *deal) slots(ctx context.Context, h *held) error {
	input, err := d.fetch(ctx)
	if err != nil {
		return fmt.Errorf("fetch input: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for range d.w.cfg.Slots {
		g.Go(func() error { return d.slot(ctx, h, input) })
	}
	return g.Wait()
}

// fetch brings the job's input here, chunk by verified chunk.
func (d *deal) fetch(ctx context.Context) ([]byte, error) {
	m, err := blob.Fetch(ctx, d.w.parts.Net.Source(d.s.Peer()), d.body.Input, d.app.Memory/2, d.w.parts.Blobs)
	if err != nil {
		return nil, err
	}
	seed := fog.SeedOf(d.body.Input)
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
		select {
		case l = <-h.leases:
		case <-ctx.Done():
			return ctx.Err()
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
	replaced, err := d.w.debts.trust(ctx, d.body.Buyer, d.body.Job, l.Index, d.w.parts.Now)
	if err != nil {
		return err
	}
	sent := false
	defer func() {
		if !sent && !replaced {
			d.w.debts.unsent(d.body.Buyer, l.Task)
		}
	}()
	select {
	case d.w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	var reply sandbox.Reply
	if h.wants(l.Task) {
		reply, err = s.Task(ctx, l.Spec)
	}
	<-d.w.slots
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !h.wants(l.Task) {
		h.drop(l.Task, false)
		return nil
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
	price := d.body.Price.Cost(proof.Paid(r.Work, l.Planned))
	if err := d.w.parts.Journal.PutResult(ctx, l.Index, r, string(reply.Engine), price); err != nil {
		return err
	}
	d.w.debts.sent(d.body.Buyer, l.Task, price, d.w.parts.Now())
	sent = true // even if the line breaks now: the buyer may have it
	if err := d.send(ctx, wire.Result{Receipt: r, Output: reply.Payload, Engine: string(reply.Engine)}); err != nil {
		return fmt.Errorf("send result: %w", err)
	}
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
	reason = plain(reason)
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
		m, err := d.recv(ctx, h)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		h.no = ""
		switch b := m.Body.(type) {
		case wire.Lease:
			err = d.lease(h, b.Lease)
		case wire.Voucher:
			err = d.voucher(ctx, h, b.Voucher)
		case wire.Close:
			return d.close(ctx, b)
		case wire.Verdict:
			if h.named = b.Task; !b.Accepted {
				h.no = b.Reason
				err = d.denied(ctx, h, b.Task)
			}
		case wire.Cancel:
			h.cancel(b.Task)
		case wire.VoucherAck, wire.Unknown:
		default:
			err = fmt.Errorf("unexpected %s", wire.NameOf(m.Body))
		}
		if err != nil {
			return err
		}
	}
}

// recv waits for the next message; a buyer that leases nothing for long is
// keeping others out.
func (d *deal) recv(ctx context.Context, h *held) (*wire.Message, error) {
	for {
		wait, cancel := context.WithTimeout(ctx, idle)
		m, err := d.s.Recv(wait, wire.MaxControl)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return m, err
		}
		if len(h.inHand()) == 0 {
			return nil, fmt.Errorf("the buyer gave no work for %v", idle)
		}
	}
}

// send says something to the buyer, who must read it in bounded time.
func (d *deal) send(ctx context.Context, b wire.Body) error {
	ctx, cancel := context.WithTimeout(ctx, sending)
	defer cancel()
	return d.s.Send(ctx, wire.New(b))
}

func (d *deal) lease(h *held, l fog.Lease) error {
	if l.Planned == 0 {
		return fmt.Errorf("lease of task %d pays nothing", l.Index)
	}
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
	if v.Buyer != d.body.Buyer || v.Seller != d.body.Seller || v.Epoch != d.epoch {
		return fmt.Errorf("voucher between other parties or of epoch %d, want %d", v.Epoch, d.epoch)
	}
	if err := d.w.parts.Verifier.VerifyVoucher(v, d.device); err != nil {
		return fmt.Errorf("voucher: %w", err)
	}
	if h.total.IsZero() {
		since, err := d.w.parts.Journal.SellerVoucherTotal(ctx, v.Buyer, v.Epoch)
		if err != nil {
			return err
		}
		d.since = since
	}
	if v.Total.Cmp(h.total) <= 0 {
		return nil // late or repeated: harmless
	}
	if err := d.w.parts.Journal.PutSellerVoucher(ctx, v); err != nil {
		return err
	}
	before := h.total
	if d.since.Cmp(before) > 0 {
		before = d.since
	}
	h.mu.Lock()
	h.total = v.Total
	h.mu.Unlock()
	for _, o := range d.w.debts.paid(v, h.named, before, d.w.parts.Now()) {
		if err := d.w.parts.Journal.NotOwed(ctx, o.Job, o.Index); err != nil {
			return err
		}
		h.paid = append(h.paid, o.task())
	}
	h.paid = h.paid[max(0, len(h.paid)-remembered):]
	d.w.parts.Emit(fog.Earned{Deal: d.id, Total: v.Total})
	return d.send(ctx, wire.VoucherAck{Buyer: v.Buyer, Seller: v.Seller, Epoch: v.Epoch, Total: v.Total})
}

// denied hears that a result is not paid. One that was rendered twice, since its
// lease had ended at the buyer meanwhile, is not owed twice.
func (d *deal) denied(ctx context.Context, h *held, task fog.TaskID) error {
	i := slices.Index(h.paid, task)
	if i < 0 {
		return nil
	}
	h.paid = slices.Delete(h.paid, i, i+1)
	for _, o := range d.w.debts.void(d.body.Buyer, task, d.w.parts.Now()) {
		if err := d.w.parts.Journal.NotOwed(ctx, o.Job, o.Index); err != nil {
			return err
		}
	}
	return nil
}

// close confirms the end and stops the deal's goroutines.
func (d *deal) close(ctx context.Context, c wire.Close) error {
	if c.Deal != d.id || proof.Commitment(c.Secret) != d.body.Secret {
		return fmt.Errorf("close of another deal, or with another secret than was promised")
	}
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	if err := d.s.Send(ctx, wire.New(wire.Closed{Deal: d.id})); err != nil {
		return fmt.Errorf("confirm close: %w", err)
	}
	return errClosed
}
