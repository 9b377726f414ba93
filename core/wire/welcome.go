package wire

import "time"

// A Welcome accepts a hello. It has the client's name, groups and address, and the server's limits.
type Welcome struct {
	Version uint64 // zero means [Version] when appended; never zero when parsed

	// For a later stream that continues this session.
	Session []byte // the session's id; not secret
	Token   []byte // must be kept secret; empty if the session cannot be continued

	// Limits that the server sets its clients; 0 means that the server does not say.
	MaxFrame   uint64 // longest frame, in bytes of kind and body
	MaxName    uint64 // longest name of a client or group, in bytes
	MaxCommand uint64 // longest name of a command, in bytes
	MaxGroups  uint64 // groups that a client is in at once
	MaxCalls   uint64 // calls of a client that are not answered yet

	// Heartbeat is how long either side may be silent. Zero means for ever.
	// On the wire it is in milliseconds, rounded up, at most about 24 days.
	Heartbeat time.Duration

	Resumed  bool   // the session that the hello named goes on
	Received uint64 // counted frames that the server has received in the session

	Name   string   // the client's name, perhaps given by the server
	Groups []string // groups that the client is in
	Addr   string   // the client's address as the server sees it

	AckBytes uint64 // the server wants an ack after at most that many bytes; 0 means that it needs none

	// ResumeTime is how long the session can be continued after its stream has broken off. Zero means that the
	// server does not say. On the wire it is like Heartbeat.
	ResumeTime time.Duration

	Notices bool // the client has asked to be told of other clients that come and go, and is told

	Refused []RefusedGroup // groups of the hello that the client is kept out of
}

// AppendWelcome appends a welcome, the same bytes for the same values. It checks
// nothing.
func AppendWelcome(dst []byte, w *Welcome) []byte {
	body := w.appendOwn(nil)
	for i := range w.Refused {
		body = w.Refused[i].append(body)
	}
	return AppendFrame(dst, KindWelcome, body)
}

// appendOwn appends all fields but the refused groups.
func (w *Welcome) appendOwn(body []byte) []byte {
	version := w.Version
	if version == 0 {
		version = Version
	}
	body = appendNumberField(body, tagVersion, version)
	body = appendField(body, tagName, w.Name)
	body = appendGroupFields(body, w.Groups)
	body = appendField(body, tagSession, w.Session)
	body = appendField(body, tagToken, w.Token)
	body = appendNumberField(body, tagReceived, w.Received)
	body = appendBoolField(body, tagNotices, w.Notices)
	body = appendNumberField(body, tagMaxFrame, w.MaxFrame)
	body = appendNumberField(body, tagMaxName, w.MaxName)
	body = appendNumberField(body, tagMaxCommand, w.MaxCommand)
	body = appendNumberField(body, tagMaxGroups, w.MaxGroups)
	body = appendNumberField(body, tagMaxCalls, w.MaxCalls)
	body = appendNumberField(body, tagHeartbeat, millis(w.Heartbeat))
	body = appendBoolField(body, tagResumed, w.Resumed)
	body = appendField(body, tagAddr, w.Addr)
	body = appendNumberField(body, tagAckBytes, w.AckBytes)
	return appendNumberField(body, tagResumeTime, millis(w.ResumeTime))
}

// ParseWelcome parses the body of a welcome. The result does not refer to body.
// Name and groups are checked as in [ParseHello]. Since the server
// sets the limits for names and groups, a client may pass negative ones.
func ParseWelcome(body []byte, lim *Limits) (*Welcome, error) {
	l := lim.withDefaults()
	w := &Welcome{}
	f := fields{cursor: cursor{what: "welcome", b: body}}
	for f.next() {
		switch f.tag {
		case tagVersion:
			w.Version = f.version()
		case tagName:
			w.Name = f.name(l.MaxName)
		case tagGroup:
			w.Groups = f.appendGroup(w.Groups, &l)
		case tagSession:
			w.Session = f.copy(l.MaxToken)
		case tagToken:
			w.Token = f.copy(l.MaxToken)
		case tagReceived:
			w.Received = f.number()
		case tagMaxFrame:
			w.MaxFrame = f.number()
		case tagMaxName:
			w.MaxName = f.number()
		case tagMaxCommand:
			w.MaxCommand = f.number()
		case tagMaxGroups:
			w.MaxGroups = f.number()
		case tagMaxCalls:
			w.MaxCalls = f.number()
		case tagHeartbeat:
			w.Heartbeat = f.millis()
		case tagResumed:
			w.Resumed = f.bool()
		case tagAddr:
			w.Addr = f.text(l.MaxAddr)
		case tagAckBytes:
			w.AckBytes = f.number()
		case tagResumeTime:
			w.ResumeTime = f.millis()
		case tagNotices:
			w.Notices = f.bool()
		case tagRefused:
			w.Refused = f.appendRefused(w.Refused, &l)
		}
	}
	if err := f.end(); err != nil {
		return nil, err
	}
	return w, nil
}
