package convert

// Default is the codec of programs that set none. A browser build has no JSON: a page has it already, and would
// pay 38 KB. A program that wants typed handlers sets a codec.
type Default struct{}

func (Default) Marshal(any) ([]byte, error) { return nil, errNoCodec }
func (Default) Unmarshal([]byte, any) error { return errNoCodec }

var errNoCodec = &Fault{Text: "this build has no codec of its own: set one in the options", Unsupported: true}
