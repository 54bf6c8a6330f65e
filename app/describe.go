package app

import (
	"context"
	"time"

	"sonm/app/dial"
	"sonm/wallet/chain"
)

// describe asks a network who it is.
func describe(ctx context.Context, rpc string) (NetworkInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return chain.Describe(ctx, dial.Dialer{}.HTTP(), rpc)
}
