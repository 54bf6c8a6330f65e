package keystore

// Derive lets the tests run BIP-32's own vectors; the program never hands a
// key out.
var Derive = derive
