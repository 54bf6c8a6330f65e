// Package event holds what the application tells its windows and terminals
// beyond the facts of the engine: problems, in words.
package event

import "errors"

// Problem is an error a person reads: what happened and what they can do. It
// is never a Go error string; Cause keeps that for the log.
type Problem struct {
	Code  string // stable, for programs: "no_sellers"
	What  string // one sentence
	Do    string `json:",omitempty"` // what the person can do; may be empty
	Cause error  `json:"-"`          // stays with the process that met it
}

// Error is the sentence, with the advice behind it.
func (p *Problem) Error() string {
	if p.Do == "" {
		return p.What
	}
	return p.What + " " + p.Do
}

// Unwrap gives the cause to errors.Is and errors.As.
func (p *Problem) Unwrap() error { return p.Cause }

// AsProblem finds the problem in err, or makes one of an error nobody put into
// words.
func AsProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return &Problem{Code: "internal", What: "Something went wrong: " + err.Error() + ".", Cause: err}
}
