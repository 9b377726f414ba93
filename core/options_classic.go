package core

// ClassicOptions are about clients of the original, the Python package hisock.
type ClassicOptions struct {
	// HeaderLen is the header's length with which they may join on the same TCP port, in bytes: those of 0.0.2
	// and of 3.0a. Zero means 16, as in the original. Negative means that they may not. They cannot be
	// told why they are refused; one that comes when the server is full finds that
	// it is disconnected.
	HeaderLen int

	// Prefix runs, for what a client of 0.0.2 sends, every handler whose command it
	// begins with, as the original does, instead of the one whose name is the first word. The
	// message handler then gets all of it as a raw message, as there. It is an error where HeaderLen is negative.
	Prefix bool
}

// resolve fills the defaults in. A length of zero means then that nobody of the original may join.
func (o *ClassicOptions) resolve(f *optionFaults) {
	if o.HeaderLen > maxClassicHeader {
		f.add("Classic.HeaderLen", valueText(o.HeaderLen), "it must be at most "+valueText(maxClassicHeader))
	}
	if o.HeaderLen < 0 && o.Prefix {
		f.add("Classic.Prefix", "true", "it has no effect while Classic.HeaderLen is negative")
	}
	o.HeaderLen = limit(o.HeaderLen, defaultClassicHeader)
}
