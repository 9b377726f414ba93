package convert

// Default is the codec of a program that sets no codec. A browser build has no JSON: package json would add 38 KB, and
// a page has JSON anyway. A program that wants typed handlers must set a codec.
type Default struct{}

func (Default) Marshal(any) ([]byte, error) { return nil, errNoCodec }
func (Default) Unmarshal([]byte, any) error { return errNoCodec }

var errNoCodec = &Fault{Text: "this build has no codec of its own: set one in the options", Unsupported: true}
