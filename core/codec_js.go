package core

// A browser build carries no JSON of its own: 38 KB that the browser has already.
// Programs that want typed handlers there set a Codec.
var defaultCodec Codec = noCodec{}

type noCodec struct{}

func (noCodec) Marshal(any) ([]byte, error) { return nil, errNoCodec }

func (noCodec) Unmarshal([]byte, any) error { return errNoCodec }

var errNoCodec = &Error{Code: CodeUnsupported, Message: "this build has no codec of its own: set one in the options"}
