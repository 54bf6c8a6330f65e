//go:build darwin && cgo

package jail

/*
#include <stdint.h>
#include <stdlib.h>

// Of sandbox.h, where it is marked as deprecated; browsers live by it all the
// same. With flags 0 the profile is its text and not a name.
int sandbox_init(const char *profile, uint64_t flags, char **error);
void sandbox_free_error(char *error);
*/
import "C"

import (
	"errors"
	"unsafe"
)

// profile denies whatever it does not name; reading and writing the pipes and
// private memory are not asked about. What is allowed is what a compiler at
// run time makes, signals and questions to oneself, and the machine's
// dimensions, of which thread pools ask: other sysctls tell of other processes.
const profile = `(version 1)
(deny default)
(allow dynamic-code-generation)
(allow signal (target self))
(allow process-info* (target self))
(allow sysctl-read
  (sysctl-name "hw.activecpu") (sysctl-name "hw.logicalcpu") (sysctl-name "hw.logicalcpu_max")
  (sysctl-name "hw.ncpu") (sysctl-name "hw.memsize") (sysctl-name "hw.pagesize")
  (sysctl-name "hw.physicalcpu") (sysctl-name "hw.physicalcpu_max"))
(allow file-read-data (literal "/dev/random") (literal "/dev/urandom"))
`

// seatbelt puts the profile on the process; it cannot be taken off.
func seatbelt() error {
	text := C.CString(profile)
	defer C.free(unsafe.Pointer(text))
	var said *C.char
	if C.sandbox_init(text, 0, &said) == 0 {
		return nil
	}
	if said == nil {
		return errors.New("seatbelt: no reason given")
	}
	defer C.sandbox_free_error(said)
	return errors.New("seatbelt: " + C.GoString(said))
}
