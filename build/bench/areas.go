package main

// areas lists what can be measured, in the order of the tables.
func areas() []Area { return []Area{renderArea(), proofArea(), sandboxArea()} }
