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
			link := app.NewLink(opt.config(cmd))
			defer link.Close()
			m, err := link.Money(cmd.Context())
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

func redeemCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "redeem",
		Short: "Have the chain pay what buyers have promised and not settled",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			link := app.NewLink(opt.config(cmd))
			defer link.Close()
			paid, err := link.Redeem(cmd.Context())
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
