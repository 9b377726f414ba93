package core

// A page accepts nobody, so a browser build does not count addresses.
type addrLimits struct{ max int }

func newAddrLimits(*ServerOptions) addrLimits { return addrLimits{} }

func (addrLimits) keyOf(string) addrKey { return addrKey{} }
