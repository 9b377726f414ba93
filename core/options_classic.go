package core

// ClassicOptions are about clients of the original, the Python package hisock.
type ClassicOptions struct {
	// HeaderLen is the header's length with which they may join on the same TCP port, in bytes, whatever
	// their release, from 2 to 4096. Zero means 16, as in the original. Negative means that they may not. They cannot be
	// told why they are refused; one that comes when the server is full finds that
	// it is disconnected. Where it is negative it is an error to set one of the others.
	HeaderLen int

	// Unknown is what a client of 2.x or 3.0a speaks until its first command tells which of the two:
	// [Dialect2x] or [Dialect30a]. Zero means that nobody knows. What is sent to such a client and carries
	// something is held back then until its first command, up to half of [Limits].QueueBytes; one that only
	// listens gets nothing, of which the error hook is told. What is sent in the form of the other release ends
	// a client's loop, so this is for servers whose clients are all of one release.
	Unknown Dialect

	// Pace is how many bytes a second a client of a release before 3.0a is sent at most, and at once no more
	// than 32 KiB; each frame counts 128 B beside its own. What comes faster waits in its queue. Such a
	// client ends of a burst that it does not read at once, whoever sends it: about 1,000 small messages are
	// too many for one that is busy for a third of a second. 64 KiB suit a client that is never busy for a
	// second. Zero and negative mean as fast as the client reads.
	Pace int

	// Prefix runs, for what a client of 0.0.2 sends, every handler whose command it
	// begins with, as the original does, instead of the one whose name is the first word. The
	// message handler then gets all of it as a raw message, as there.
	Prefix bool
}

// resolve fills the defaults in. A length of zero means then that nobody of the original may join.
func (o *ClassicOptions) resolve(f *optionFaults) {
	if o.HeaderLen > maxClassicHeader || o.HeaderLen > 0 && o.HeaderLen < minClassicHeader {
		f.add("Classic.HeaderLen", valueText(o.HeaderLen), "it must be from "+valueText(minClassicHeader)+" to "+valueText(maxClassicHeader))
	}
	o.Pace = max(o.Pace, 0)
	if o.HeaderLen < 0 {
		const idle = "it has no effect while Classic.HeaderLen is negative"
		if o.Prefix {
			f.add("Classic.Prefix", "true", idle)
		}
		if o.Pace > 0 {
			f.add("Classic.Pace", valueText(o.Pace), idle)
		}
		if o.Unknown != 0 {
			f.add("Classic.Unknown", o.Unknown.String(), idle)
		}
	}
	switch o.Unknown {
	case 0, Dialect2x, Dialect30a:
	default:
		f.add("Classic.Unknown", o.Unknown.String(), "it must be Dialect2x or Dialect30a")
	}
	o.HeaderLen = limit(o.HeaderLen, defaultClassicHeader)
}
