package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sonm/app"
)

func statusCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what this node is doing",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := app.AskStatus(cmd.Context(), opt.config(cmd))
			if err != nil {
				return err
			}
			if opt.json {
				return printJSON(cmd, s)
			}
			showStatus(cmd, s)
			return nil
		},
	}
}

func showStatus(cmd *cobra.Command, s app.Status) {
	out := cmd.OutOrStdout()
	if !s.Running {
		fmt.Fprintf(out, "SONM is not running with the folder %s.\n", s.Home)
		return
	}
	fmt.Fprintf(out, "Running   %s\nAccount   %s\nNetwork   %s, %d computers connected, %d offers\n", s.Home, s.Account, s.Network, s.Peers, s.Offers)
	if s.Jobs > 0 {
		fmt.Fprintf(out, "Buying    %d under way\n", s.Jobs)
	}
	if s.Selling == nil {
		return
	}
	fmt.Fprintf(out, "Locked in %s\n", levelWords(s.Selling.Level))
	fmt.Fprintf(out, "Selling   %d slots at %s SNM per 1,000,000,000 units: %d jobs open, %d tasks done, %d failed, %s SNM earned, %s today\n",
		s.Selling.Slots, s.Selling.Price, s.Selling.Deals, s.Selling.Tasks, s.Selling.Failed, s.Selling.Earned, s.Selling.Today)
}
