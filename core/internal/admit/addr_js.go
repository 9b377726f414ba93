package admit

// AddrOf returns the same for all: a page accepts nobody.
func AddrOf(string) Addr { return Addr{Many: true} }

// IsAddr takes any text for an address.
func IsAddr(string) bool { return true }
