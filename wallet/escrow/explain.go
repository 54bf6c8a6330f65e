package escrow

import (
	"fmt"
	"time"

	"sonm/contracts/gen"
	"sonm/wallet/token"
)

// Explain puts a refusal of Escrow, or of the token it calls, into words.
func Explain(data []byte) (string, bool) {
	if len(data) < 4 { // the bindings take the selector for granted
		return "", false
	}
	reason, err := gen.NewEscrow().UnpackError(data)
	if err != nil {
		return token.Explain(data)
	}
	switch e := reason.(type) {
	case *gen.EscrowBadSignature:
		return "the signature is neither the buyer's nor that of a device it lets pay", true
	case *gen.EscrowBadEpoch:
		return fmt.Sprintf("the promise is of epoch %d, the buyer is in epoch %d", e.Got, e.Want), true
	case *gen.EscrowBadDelegation:
		return "the delegation names no device, grants nothing known or is over", true
	case *gen.EscrowStaleDelegation:
		return fmt.Sprintf("a delegation until %s is known already", moment(e.Expiry).UTC().Format(time.RFC3339)), true
	case *gen.EscrowDeviceRevoked:
		return fmt.Sprintf("device %v was revoked for good", e.Device), true
	case *gen.EscrowBadBatch:
		return fmt.Sprintf("a batch of length %v makes no sense", e.Length), true
	case *gen.EscrowBadAddress:
		return fmt.Sprintf("%v cannot be paid", e.A), true
	case *gen.EscrowLocked:
		if e.Until == 0 {
			return "an unlock was not asked for", true
		}
		return "the balance is locked until " + moment(e.Until).UTC().Format(time.RFC3339), true
	}
	return fmt.Sprintf("Escrow refused (%T)", reason), true
}
