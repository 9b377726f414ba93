package wire

// A Hello is the first frame of a connection: who the client is and what it
// asks for. Every field but the version may be left out.
type Hello struct {
	Version  uint64            // zero means [Version] when appended; never zero when parsed
	Name     string            // empty: the server gives the client a name, or it has none
	Groups   []string          // groups to be in from the start
	Auth     []byte            // for the server's own check
	Metadata map[string]string // for the server's own use

	Resume bool // the client wants a session that a later stream can continue

	// For a client that continues an earlier session.
	Session  []byte // the session's id, from the welcome
	Token    []byte // the session's token, from the welcome
	Received uint64 // counted frames that the client has received in the session

	// OnlyResume makes the server refuse the client if the session cannot go on, instead of letting it
	// join anew: nothing in the hello says who the client is.
	OnlyResume bool

	Notices bool // the client wants to be told of other clients that come and go

	// Positions are the client's positions in groups, also in groups that it does not ask to be in.
	Positions []Position

	MaxFrame uint64 // longest frame that the client accepts, in bytes; 0 means [DefaultMaxFrame]
	AckBytes uint64 // the client wants an ack after at most that many bytes; 0 means that it needs none
}

// AppendHello appends a hello, the same bytes for the same values. It checks
// nothing: the peer refuses a name, group or size that its [Limits] do not allow.
func AppendHello(dst []byte, h *Hello) []byte {
	version := h.Version
	if version == 0 {
		version = Version
	}
	var body []byte
	body = appendNumberField(body, tagVersion, version)
	body = appendField(body, tagName, h.Name)
	body = appendGroupFields(body, h.Groups)
	body = appendField(body, tagAuth, h.Auth)
	for _, key := range sortedKeys(h.Metadata) {
		value := h.Metadata[key]
		body = appendUvarint(body, uint64(tagMetadata))
		body = appendUvarint(body, uint64(stringSize(len(key))+len(value)))
		body = append(appendString(body, key), value...)
	}
	body = appendField(body, tagSession, h.Session)
	body = appendField(body, tagToken, h.Token)
	body = appendNumberField(body, tagReceived, h.Received)
	body = appendBoolField(body, tagNotices, h.Notices)
	body = appendNumberField(body, tagMaxFrame, h.MaxFrame)
	body = appendBoolField(body, tagResume, h.Resume)
	body = appendNumberField(body, tagAckBytes, h.AckBytes)
	body = appendBoolField(body, tagOnlyResume, h.OnlyResume)
	for i := range h.Positions {
		body = h.Positions[i].append(body)
	}
	return AppendFrame(dst, KindHello, body)
}

// ParseHello parses the body of a hello. The result does not refer to body. The
// name is empty or one that [ValidName] accepts. Each group is one that ValidName accepts.
// The version is whatever the client says, except 0. If ParseHello fails,
// the hello must be refused with the error's code.
func ParseHello(body []byte, lim *Limits) (*Hello, error) {
	l := lim.withDefaults()
	h := &Hello{}
	f := fields{cursor: cursor{what: "hello", b: body}}
	metadata := 0 // bytes so far
	for f.next() {
		switch f.tag {
		case tagVersion:
			h.Version = f.version()
		case tagName:
			h.Name = f.name(l.MaxName)
		case tagGroup:
			h.Groups = f.appendGroup(h.Groups, &l)
		case tagAuth:
			h.Auth = f.copy(l.MaxAuth)
		case tagMetadata:
			metadata += len(f.value)
			if f.within("metadata", metadata, l.MaxMetadata) {
				f.metadata(h)
			}
		case tagSession:
			h.Session = f.copy(l.MaxToken)
		case tagToken:
			h.Token = f.copy(l.MaxToken)
		case tagReceived:
			h.Received = f.number()
		case tagNotices:
			h.Notices = f.bool()
		case tagMaxFrame:
			h.MaxFrame = f.number()
		case tagResume:
			h.Resume = f.bool()
		case tagAckBytes:
			h.AckBytes = f.number()
		case tagOnlyResume:
			h.OnlyResume = f.bool()
		case tagPosition:
			h.Positions = f.appendPosition(h.Positions, &l)
		}
	}
	if err := f.end(); err != nil {
		return nil, err
	}
	return h, nil
}

// metadata takes one pair: the key, and the rest as its value.
func (f *fields) metadata(h *Hello) {
	c := f.sub()
	key := c.text("metadata key", -1)
	value := c.textOf("metadata value", c.b, -1)
	c.b = nil
	if _, twice := h.Metadata[key]; twice && c.err == nil {
		c.fail(CodeProtocol, "metadata key "+quote(key), "given twice")
	}
	f.take(c)
	if f.err != nil {
		return
	}
	if h.Metadata == nil {
		h.Metadata = make(map[string]string)
	}
	h.Metadata[key] = value
}

// sortedKeys returns the keys of m, sorted. It sorts by insertion, since there are few keys, and the sorting of package
// slices would add 9 KB to a browser build.
func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		i := len(keys)
		keys = append(keys, key)
		for ; i > 0 && keys[i-1] > key; i-- {
			keys[i] = keys[i-1]
		}
		keys[i] = key
	}
	return keys
}
