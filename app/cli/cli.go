// Package cli is the terminal: the application's commands with progress bars
// for people and JSON for programs. It holds no logic of its own.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"sonm/app"
	"sonm/app/event"
)

// options are the flags every command has.
type options struct {
	home    string
	network string
	json    bool
	verbose bool
}

// Run runs the command line and returns the exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opt := &options{}
	root := rootCommand(opt) //nolint:contextcheck // commands get theirs when they run
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	report(stdout, stderr, opt, err)
	return 1
}

// Commands reports whether args begin with a command of this package, so that
// the window's program, which may be the only one installed, can run it.
func Commands(args []string) bool {
	if len(args) == 0 {
		return false
	}
	for _, c := range rootCommand(&options{}).Commands() {
		if c.Name() == args[0] {
			return true
		}
	}
	return false
}

// report writes one clear sentence, and for programs one JSON line.
func report(stdout, stderr io.Writer, opt *options, err error) {
	if errors.Is(err, context.Canceled) {
		err = &event.Problem{Code: "stopped", What: "Stopped.", Cause: err}
	}
	p := event.AsProblem(err)
	if opt.json {
		_ = json.NewEncoder(stdout).Encode(map[string]string{"error": p.Code, "message": p.Error()}) // nothing left to tell it to
	}
	fmt.Fprintln(stderr, "sonm: "+p.Error())
}

func rootCommand(opt *options) *cobra.Command {
	root := &cobra.Command{
		Use:           "sonm",
		Short:         "One worldwide supercomputer out of idle computers",
		Version:       app.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &event.Problem{Code: "flags", What: flagWords(err), Do: "See: " + cmd.CommandPath() + " --help.", Cause: err}
	})
	f := root.PersistentFlags()
	f.StringVar(&opt.home, "home", "", "folder of this node (default: "+app.DefaultHome()+")")
	f.StringVar(&opt.network, "network", "", "address of the network, http://host:port (default: the practice network of this computer)")
	f.BoolVar(&opt.json, "json", false, "print one JSON object as the last line, for programs")
	f.BoolVarP(&opt.verbose, "verbose", "v", false, "log what happens inside to standard error")
	root.AddCommand(demoCommand(opt), renderCommand(opt), sellCommand(opt), statusCommand(opt), walletCommand(opt), networkCommand(opt))
	return root
}

// noArgs refuses words after a command that takes none, and unknown commands.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return &event.Problem{Code: "flags", What: fmt.Sprintf("There is no command %q.", args[0]), Do: "See: " + cmd.CommandPath() + " --help."}
	}
	return &event.Problem{Code: "flags", What: fmt.Sprintf("%s takes no further words; %q is one.", cmd.CommandPath(), args[0])}
}

// flagWords says what is wrong with a flag without the parser's insides.
func flagWords(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	text, _, _ = strings.Cut(text, ": time: ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func (o *options) homeDir() string {
	if o.home != "" {
		return o.home
	}
	return app.DefaultHome()
}

// config is the node a command asks for.
func (o *options) config(cmd *cobra.Command) app.Config {
	return app.Config{Home: o.homeDir(), Network: o.network, Version: app.Version, Log: o.log(cmd.ErrOrStderr())}
}

func (o *options) log(w io.Writer) *slog.Logger {
	level := slog.LevelError
	if o.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// print writes v as one JSON line.
func printJSON(cmd *cobra.Command, v any) error {
	return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
}
