package wire

import "time"

// A tag is the number of a field of hello and welcome. It has the same meaning in both.
// A field that one of them does not use is skipped there.
type tag uint64

// The tags.
const (
	tagVersion    tag = 1
	tagName       tag = 2
	tagGroup      tag = 3
	tagAuth       tag = 4
	tagMetadata   tag = 5
	tagSession    tag = 6
	tagToken      tag = 7
	tagReceived   tag = 8
	tagNotices    tag = 9
	tagMaxFrame   tag = 10
	tagMaxName    tag = 11
	tagMaxCommand tag = 12
	tagMaxGroups  tag = 13
	tagMaxCalls   tag = 14
	tagHeartbeat  tag = 15
	tagResumed    tag = 16
	tagAddr       tag = 17
	tagResume     tag = 18
	tagAckBytes   tag = 19
	tagRefused    tag = 20
	tagResumeTime tag = 21
	tagOnlyResume tag = 22
	tagPosition   tag = 23
)

var tagNames = [...]string{
	tagVersion:    "version",
	tagName:       "name",
	tagGroup:      "group",
	tagAuth:       "auth",
	tagMetadata:   "metadata",
	tagSession:    "session",
	tagToken:      "token",
	tagReceived:   "received",
	tagNotices:    "notices",
	tagMaxFrame:   "max frame",
	tagMaxName:    "max name",
	tagMaxCommand: "max command",
	tagMaxGroups:  "max groups",
	tagMaxCalls:   "max calls",
	tagHeartbeat:  "heartbeat",
	tagResumed:    "resumed",
	tagAddr:       "addr",
	tagResume:     "resume",
	tagAckBytes:   "ack bytes",
	tagRefused:    "refused group",
	tagResumeTime: "resume time",
	tagOnlyResume: "only resume",
	tagPosition:   "position",
}

// A field is left out if it has its zero value, so that there is one way to encode each frame.
// These functions are not inlined, which would add 15 KB to a browser build.

//go:noinline
func appendField[S string | []byte](dst []byte, t tag, value S) []byte {
	if len(value) == 0 {
		return dst
	}
	return appendString(appendUvarint(dst, uint64(t)), value)
}

//go:noinline
func appendNumberField(dst []byte, t tag, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = appendUvarint(dst, uint64(t))
	dst = append(dst, byte(uvarintSize(v)))
	return appendUvarint(dst, v)
}

//go:noinline
func appendBoolField(dst []byte, t tag, v bool) []byte {
	if !v {
		return dst
	}
	return append(appendUvarint(dst, uint64(t)), 1, 1)
}

// appendGroupFields appends a field for each group. It does not leave out an empty name, which the peer refuses.
//
//go:noinline
func appendGroupFields(dst []byte, groups []string) []byte {
	for _, g := range groups {
		dst = appendString(appendUvarint(dst, uint64(tagGroup)), g)
	}
	return dst
}

// A fields goes through the fields in the body of a hello or welcome.
type fields struct {
	cursor
	tag   tag    // of the current field
	value []byte // of the current field; aliases the body
	seen  uint64 // one bit for each tag that may occur only once
}

// next moves to the next field. It reports false at the end and after a fault.
func (f *fields) next() bool {
	if f.err != nil || len(f.b) == 0 {
		return false
	}
	f.tag = tag(f.uvarint("field tag"))
	f.value = f.bytes("field")
	return f.err == nil
}

// once marks the field as seen, and returns its name. It is a fault if the field was seen before. The callers know the
// tag, so it is below 64.
func (f *fields) once() string {
	name := tagNames[f.tag]
	if f.seen>>f.tag&1 == 1 {
		f.fail(CodeProtocol, name, "given twice")
	}
	f.seen |= 1 << f.tag
	return name
}

func (f *fields) number() uint64 {
	c := f.sub()
	v := c.uvarint(f.once())
	f.take(c)
	return v
}

func (f *fields) millis() time.Duration {
	c := f.sub()
	v := c.millis(f.once())
	f.take(c)
	return v
}

func (f *fields) bool() bool {
	name := f.once()
	if len(f.value) != 1 || f.value[0] > 1 {
		f.fail(CodeProtocol, name, "neither 0 nor 1")
		return false
	}
	return f.value[0] == 1
}

// copy takes a copy of the value, and nil if it is empty.
func (f *fields) copy(max int) []byte {
	if !f.within(f.once(), len(f.value), max) || len(f.value) == 0 {
		return nil
	}
	return append([]byte(nil), f.value...)
}

func (f *fields) text(max int) string { return f.textOf(f.once(), f.value, max) }

func (f *fields) name(max int) string { return f.nameOf(f.once(), f.value, max) }

func (f *fields) appendGroup(groups []string, l *Limits) []string {
	if !f.moreGroups(len(groups)+1, l.MaxGroups) {
		return groups
	}
	return append(groups, f.group(f.value, l.MaxName))
}

// sub returns a cursor for the value of the field; take checks that it has used all of the value, and keeps its fault.
func (f *fields) sub() cursor { return cursor{what: f.what, b: f.value} }

func (f *fields) take(c cursor) {
	if len(c.b) > 0 && c.err == nil {
		c.fail(CodeProtocol, tagNames[f.tag], byteCount(len(c.b))+" too many")
	}
	if f.err == nil && c.err != nil {
		f.err, f.b = c.err, nil
	}
}

// version takes the version, which must not be 0.
func (f *fields) version() uint64 {
	v := f.number()
	if v == 0 {
		f.fail(CodeProtocol, "version", "0")
	}
	return v
}

// end returns the first fault. A missing version is a fault too.
func (f *fields) end() error {
	if f.seen>>tagVersion&1 == 0 {
		f.fail(CodeProtocol, "version", "missing")
	}
	return f.done()
}
