package wire

// The defaults of [Limits], in bytes except for DefaultMaxGroups.
const (
	DefaultMaxName     = 128
	DefaultMaxGroups   = 64
	DefaultMaxAuth     = 8 << 10
	DefaultMaxMetadata = 4 << 10
	DefaultMaxToken    = 256
	DefaultMaxAddr     = 512
)

// MaxReason is the limit for the text in a failure, stream end, refuse or
// goodbye, in bytes. It is the same for every peer: a longer text is cut at the
// end of a character when it is appended, with "…" at the end, and refused when
// it is parsed. A text that is longer or has a structure belongs into [Goodbye.Details].
const MaxReason = 1 << 10

// Limits bound the fields of a hello, welcome or presence. Each limit is checked
// before anything of that size is allocated. A nil *Limits, and a field that is
// zero, mean the default. A negative field means that only the limit of the frame holds.
type Limits struct {
	// MaxName bounds the name of a client and of each group, in bytes. The
	// default is 128.
	MaxName int
	// MaxGroups bounds the number of groups in one frame. The default is 64.
	MaxGroups int
	// MaxAuth bounds [Hello.Auth], in bytes. The default is 8 KiB.
	MaxAuth int
	// MaxMetadata bounds [Hello.Metadata] in bytes: the sum of keys and values, with one or two
	// bytes for the length of each key. The default is 4 KiB.
	MaxMetadata int
	// MaxToken bounds a session id and a resume token, in bytes each. The
	// default is 256.
	MaxToken int
	// MaxAddr bounds an address, in bytes. The default is 512.
	MaxAddr int
}

func (l *Limits) withDefaults() Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&out.MaxName, DefaultMaxName},
		{&out.MaxGroups, DefaultMaxGroups},
		{&out.MaxAuth, DefaultMaxAuth},
		{&out.MaxMetadata, DefaultMaxMetadata},
		{&out.MaxToken, DefaultMaxToken},
		{&out.MaxAddr, DefaultMaxAddr},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return out
}
