package app

import (
	"context"
	"net/http"
	"time"

	"sonm/wallet/chain"
)

// describe asks a network who it is.
func describe(ctx context.Context, rpc string) (NetworkInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return chain.Describe(ctx, http.DefaultClient, rpc)
}
