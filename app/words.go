package app

import (
	"context"
	"errors"
	"fmt"

	"sonm/app/event"
	"sonm/app/settle"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/market"
	"sonm/engine/sandbox"
)

// inWords turns what the engine and the wallet return into a problem a person
// can act on. What is one already, and a cancelled context, passes through.
func inWords(err error) error {
	var known *event.Problem
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	if p := marketWords(err); p != nil {
		return p
	}
	if errors.Is(err, sandbox.ErrLevel) {
		return &event.Problem{
			Code: "level", What: sentence(err),
			Do: "A newer version of the system may help; to take strangers' work all the same, sell with a lower --level.", Cause: err,
		}
	}
	if guest, ok := errors.AsType[*sandbox.Error](err); ok {
		return guestWords(guest)
	}
	if funds, ok := errors.AsType[*settle.FundsError](err); ok {
		return &event.Problem{
			Code: "funds", What: fmt.Sprintf("Not enough money: the job needs %s SNM set aside and there are %s.", funds.Need, funds.Have),
			Do: "Add money to " + funds.Account.String() + ", lower the samples or the size, or set --max-price.", Cause: err,
		}
	}
	if errors.Is(err, job.ErrTasks) {
		return &event.Problem{
			Code: "settings", What: fmt.Sprintf("This job has too many parts: more than %d.", job.MaxTasks),
			Do: "Render fewer frames at a time, or with larger tiles.", Cause: err,
		}
	}
	if errors.Is(err, fog.ErrChain) {
		return &event.Problem{Code: "network", What: "The network's chain does not answer, so no money can be set aside or paid.", Do: "Is the network running? Try again in a moment.", Cause: err}
	}
	if errors.Is(err, buyer.ErrCalledOff) {
		return &event.Problem{Code: "cancelled", What: "The job was called off.", Do: "What was done is paid.", Cause: err}
	}
	if errors.Is(err, buyer.ErrDeserted) {
		return &event.Problem{Code: "no_sellers", What: "All sellers left the job and no other came.", Do: "What was done is paid; try again later.", Cause: err}
	}
	return &event.Problem{Code: "internal", What: sentence(err), Cause: err}
}

func marketWords(err error) *event.Problem {
	var dear market.PriceCapError
	var over market.BudgetError
	switch {
	case errors.As(err, &dear):
		return &event.Problem{
			Code: "price_cap", What: fmt.Sprintf("Every seller asks more than %s SNM; the cheapest asks %s.", dear.Cap, dear.Cheapest),
			Do: "Raise --max-price, or wait for cheaper sellers.", Cause: err,
		}
	case errors.As(err, &over):
		return &event.Problem{
			Code: "budget", What: fmt.Sprintf("The job could cost up to %s SNM, more than the %s allowed.", over.Max, over.Budget),
			Do: "Raise --max-total, or lower the samples or the size.", Cause: err,
		}
	case errors.Is(err, market.ErrNoSellers):
		return &event.Problem{
			Code: "no_sellers", What: "Nobody is selling computing time at the moment.",
			Do: "Try again later, wait longer with --wait, or start a seller with: sonm sell.", Cause: err,
		}
	}
	return nil
}

// guestWords says what an app refused, in the app's own sentence.
func guestWords(e *sandbox.Error) *event.Problem {
	p := &event.Problem{Code: "scene", What: sentence(errors.New(e.Msg)), Cause: e}
	switch e.Kind {
	case sandbox.Refused:
	case sandbox.LimitMemory:
		p.Do = "Use smaller textures or fewer triangles."
	case sandbox.LimitCPU, sandbox.LimitWall:
		p.Do = "Lower the size or the samples."
	default:
		p.Code = "sandbox"
	}
	return p
}
