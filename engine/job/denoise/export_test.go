package denoise

// InBands is Run in bands of so many rows.
var InBands = inBands
