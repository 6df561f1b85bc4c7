"""A deterministic fleet: every value is a function of seed, host, GPU and time, so that a run can be repeated and a
replayed hour agrees with the one that was live."""
