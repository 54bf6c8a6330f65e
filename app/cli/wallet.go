package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sonm/app"
)

func walletCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "wallet",
		Short: "Show this node's address and money",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := app.Open(cmd.Context(), opt.config(cmd))
			if err != nil {
				return err
			}
			defer a.Close()
			m, err := a.Money(cmd.Context())
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
}
