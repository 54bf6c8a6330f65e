package chain

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/ethereum/go-ethereum/common"
)

// Practice chain ids are drawn from this range: no public network is there,
// and JavaScript can hold them exactly.
const (
	PracticeMin uint64 = 1 << 40
	PracticeMax uint64 = 1 << 52 // exclusive
)

// maxBootstrap bounds a network file; a dozen is plenty.
const maxBootstrap = 64

// ErrNetwork says that a network description cannot be used.
var ErrNetwork = errors.New("bad network description")

// Network is all that a program needs to join one: a small file, or what a
// practice chain answers to sonm_network.
type Network struct {
	Name      string         `json:"name"`
	ChainID   uint64         `json:"chain_id"`
	Genesis   common.Hash    `json:"genesis"`   // hash of block 0
	RPC       string         `json:"rpc"`       // http or https URL
	Token     common.Address `json:"token"`     // SNM
	Escrow    common.Address `json:"escrow"`    // holds the money of deals
	FeeBPS    uint32         `json:"fee_bps"`   // part of each payment, in 1/10,000
	Bootstrap []string       `json:"bootstrap"` // multiaddrs of peers to begin with
	Practice  bool           `json:"practice"`  // money is worth nothing and given away
}

// Check refuses a description that is incomplete or contradicts itself. One
// that calls a chain id outside the practice range practice is refused: it
// might trick a practice account into signing for real money.
func (n Network) Check() error {
	u, err := url.Parse(n.RPC)
	switch {
	case n.ChainID == 0:
		return fmt.Errorf("%w: no chain id", ErrNetwork)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%w: %q is not an http address", ErrNetwork, n.RPC)
	case n.Token == common.Address{} || n.Escrow == common.Address{} || n.Token == n.Escrow:
		return fmt.Errorf("%w: token %v and escrow %v", ErrNetwork, n.Token, n.Escrow)
	case n.FeeBPS > 200: // Escrow.MAX_FEE_BPS
		return fmt.Errorf("%w: a fee of %d/10000, 200 is the most", ErrNetwork, n.FeeBPS)
	case len(n.Bootstrap) > maxBootstrap:
		return fmt.Errorf("%w: %d bootstrap addresses, %d are the most", ErrNetwork, len(n.Bootstrap), maxBootstrap)
	case n.Practice != PracticeChain(n.ChainID):
		return fmt.Errorf("%w: chain id %d and practice %v do not go together", ErrNetwork, n.ChainID, n.Practice)
	}
	return nil
}

// PracticeChain reports whether id is in the range of practice chains.
func PracticeChain(id uint64) bool { return id >= PracticeMin && id < PracticeMax }
