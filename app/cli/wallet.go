package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sonm/app"
)

func walletCommand(opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wallet",
		Short: "Show this node's address and money",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := money(cmd, opt)
			if err != nil {
				return err
			}
			if opt.json {
				return printJSON(cmd, m)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Address       %s\nBalance       %s SNM\nIn escrow     %s SNM\nReserved      %s SNM\nFor fees      %s ETH\n",
				m.Address, m.Balance, m.Escrow, m.Reserved, m.Coins)
			if m.Practice {
				fmt.Fprintln(cmd.OutOrStdout(), "This is play money of the practice network.")
			}
			return nil
		},
	}
	cmd.AddCommand(redeemCommand(opt))
	return cmd
}

// money asks the node that runs, or opens the home.
func money(cmd *cobra.Command, opt *options) (app.Money, error) {
	m, busy, err := app.AskMoney(cmd.Context(), opt.homeDir())
	if busy || err != nil {
		return m, err
	}
	a, err := app.Open(cmd.Context(), opt.config(cmd))
	if err != nil {
		return m, err
	}
	defer a.Close()
	return a.Money(cmd.Context())
}

func redeemCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "redeem",
		Short: "Have the chain pay what buyers have promised and not settled",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := app.Open(cmd.Context(), opt.config(cmd))
			if err != nil {
				return err
			}
			defer a.Close()
			paid, err := a.Redeem(cmd.Context())
			if err != nil {
				return err
			}
			if opt.json {
				return printJSON(cmd, map[string]any{"paid": paid})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Paid %s SNM.\n", paid)
			return nil
		},
	}
}
