package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sonm/app"
)

func networkCommand(opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "network",
		Short: "Show the network this node belongs to, or serve a practice network",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := app.FindNetwork(cmd.Context(), opt.config(cmd))
			if err != nil {
				return err
			}
			return showNetwork(cmd, opt, n)
		},
	}
	cmd.AddCommand(serveCommand(opt))
	return cmd
}

func showNetwork(cmd *cobra.Command, opt *options, n app.NetworkInfo) error {
	if opt.json {
		return printJSON(cmd, n)
	}
	kind := "real money"
	if n.Practice {
		kind = "practice: play money"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Network   %s (%s)\nAddress   %s\nChain     %d\nToken     %s\nEscrow    %s\nFee       %.2f %%\n",
		n.Name, kind, n.RPC, n.ChainID, n.Token, n.Escrow, float64(n.FeeBPS)/100)
	return nil
}

func serveCommand(opt *options) *cobra.Command {
	var r app.NetworkRequest
	var tied bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a practice network until stopped with Ctrl-C",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := tie(cmd, tied)
			defer cancel()
			if r.Dir == "" {
				r.Dir = app.PracticeDir(opt.homeDir())
			}
			r.Log = opt.log(cmd.ErrOrStderr())
			r.Ready = func(n app.NetworkInfo) {
				_ = showNetwork(cmd, opt, n) // the reader may have left; the network serves on
			}
			return app.ServeNetwork(ctx, r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Dir, "dir", "", "folder of the network (default: "+filepath.Join(app.DefaultHome(), "practice")+")")
	f.StringVar(&r.Listen, "listen", "127.0.0.1:0", "host:port to answer on")
	f.DurationVar(&r.Idle, "idle", 0, "stop after so long without any computer connected (default: never)")
	f.BoolVar(&r.Sell, "sell", false, "sell this computer's time there, too, so that there is somebody to buy from")
	tiedFlag(cmd, &tied)
	return cmd
}

// tiedFlag makes a command end with the process that started it.
func tiedFlag(cmd *cobra.Command, tied *bool) {
	cmd.Flags().BoolVar(tied, "tied", false, "stop when standard input ends")
	_ = cmd.Flags().MarkHidden("tied") // cannot fail: the flag is there
}

// tie returns the command's context, ended with standard input if tied.
func tie(cmd *cobra.Command, tied bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(cmd.Context())
	if tied {
		go func() { // it ends with the process: nothing can interrupt a read of standard input
			_, _ = io.Copy(io.Discard, cmd.InOrStdin())
			cancel()
		}()
	}
	return ctx, cancel
}

// stopTime bounds how long a tied command may take to stop.
const stopTime = 10 * time.Second
