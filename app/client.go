package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"sonm/app/event"
	"sonm/engine/fog"
)

// client asks the engine of a home that another process is.
type client struct {
	version string
	http    *http.Client
}

func newClient(home, version string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socketPath(home))
	}
	return &client{version, &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// maxPreview bounds the pixels taken: 16,384 by 16,384 at four bytes.
const maxPreview = 1 << 30

// post sends a command. A missing engine is errUnreached.
func (c *client) post(ctx context.Context, path string, body any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sonm/"+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set(versionHeader, c.version)
	resp, err := c.http.Do(req)
	switch op, ok := errors.AsType[*net.OpError](err); {
	case err == nil:
		return resp, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case ok && op.Op == "dial":
		return nil, fmt.Errorf("%w: %w", errUnreached, err)
	}
	return nil, fmt.Errorf("%w: %w", errGone, err)
}

// ask sends a command and reads its lines: each is called for all but the
// last, whose result goes to into, if that is not nil.
func (c *client) ask(ctx context.Context, path string, body, into any, each func(line) error) error {
	resp, err := c.post(ctx, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	in := json.NewDecoder(resp.Body)
	for {
		var x line
		if err := in.Decode(&x); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w", errGone, err)
		}
		switch {
		case x.Problem != nil:
			return x.Problem
		case x.Done && into != nil:
			return json.Unmarshal(x.Result, into)
		case x.Done:
			return nil
		}
		if err := each(x); err != nil {
			return err
		}
	}
}

// command asks for what is answered by one line.
func (c *client) command(ctx context.Context, path string, body, into any) error {
	return c.ask(ctx, path, body, into, func(line) error { return fmt.Errorf("%s is answered by more than one line", path) })
}

// facts passes the facts of an answer on. A kind that is not known is of a
// newer program, and left out.
func facts(tell func(fog.Fact)) func(line) error {
	return func(x line) error {
		if f, err := fog.DecodeFact(x.Kind, x.Fact); err == nil {
			tell(f)
		}
		return nil
	}
}

// greet returns when the engine can be asked.
func (c *client) greet(ctx context.Context) error { return c.command(ctx, "hello", command{}, nil) }

// Watch implements core.
func (c *client) Watch(ctx context.Context, tell func(event.Event)) error {
	return c.ask(ctx, "watch", command{}, nil, func(x line) error {
		if x.Event != nil {
			tell(*x.Event)
		}
		return nil
	})
}

// Quote implements core.
func (c *client) Quote(ctx context.Context, o event.Order) (q event.Quote, err error) {
	err = c.command(ctx, "quote", o, &q)
	return q, err
}

// Accept implements core.
func (c *client) Accept(ctx context.Context, id fog.JobID) error {
	return c.command(ctx, "accept", command{Job: id}, nil)
}

// Cancel implements core.
func (c *client) Cancel(ctx context.Context, id fog.JobID) error {
	return c.command(ctx, "cancel", command{Job: id}, nil)
}

// Preview implements core.
func (c *client) Preview(ctx context.Context, id fog.JobID, look event.Look) (p event.Picture, err error) {
	resp, err := c.post(ctx, "preview", command{Job: id, Look: look})
	if err != nil {
		return p, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxPreview))
	switch {
	case ctx.Err() != nil:
		return p, ctx.Err()
	case err != nil:
		return p, fmt.Errorf("%w: %w", errGone, err)
	case resp.StatusCode != http.StatusOK:
		var x line
		if err := json.Unmarshal(data, &x); err != nil || x.Problem == nil {
			return p, fmt.Errorf("preview: %s", resp.Status)
		}
		return p, x.Problem
	}
	p.Width, _ = strconv.Atoi(resp.Header.Get(widthHeader))
	p.Height, _ = strconv.Atoi(resp.Header.Get(heightHeader))
	if p.RGBA = data; p.Width < 1 || p.Height < 1 || len(data) != 4*p.Width*p.Height {
		return event.Picture{}, fmt.Errorf("preview of %dx%d pixels in %d bytes", p.Width, p.Height, len(data))
	}
	return p, nil
}

// Save implements core.
func (c *client) Save(ctx context.Context, id fog.JobID, path string, look event.Look) error {
	return c.command(ctx, "save", command{Job: id, Path: path, Look: look}, nil)
}

// StartSelling implements core.
func (c *client) StartSelling(ctx context.Context, price fog.Amount, slots int) error {
	return c.command(ctx, "start", command{Price: price, Slots: slots}, nil)
}

// StopSelling implements core.
func (c *client) StopSelling(ctx context.Context) error {
	return c.command(ctx, "stop", command{}, nil)
}

// Render implements core.
func (c *client) Render(ctx context.Context, r RenderRequest, tell func(fog.Fact)) (s Summary, err error) {
	err = c.ask(ctx, "render", r, &s, facts(tell))
	return s, err
}

// Sell implements core.
func (c *client) Sell(ctx context.Context, r SellRequest, tell func(fog.Fact)) error {
	return c.ask(ctx, "sell", r, nil, facts(tell))
}

// Status implements core.
func (c *client) Status(ctx context.Context) (s Status, err error) {
	err = c.command(ctx, "status", command{}, &s)
	return s, err
}

// Money implements core.
func (c *client) Money(ctx context.Context) (m Money, err error) {
	err = c.command(ctx, "money", command{}, &m)
	return m, err
}

// Redeem implements core.
func (c *client) Redeem(ctx context.Context) (sum fog.Amount, err error) {
	err = c.command(ctx, "redeem", command{}, &sum)
	return sum, err
}
