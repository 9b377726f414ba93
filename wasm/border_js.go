package main

import (
	"syscall/js"
	"unsafe"
)

// A border is where the program and the page hand each other records: whatever there may be many of in a second. Both
// sides gather records in memory of this program, which the page can see too, and the other side takes them all at once:
//
//	page → program   the page writes records to in, and calls cross at the end of its task, or when in is full
//	program → page   records are appended to out, and deliver is called when no goroutine can go on, or when there are many
//
// Everything else is a call for each event. Before such a call the caller hands over the records that were made before.
//
// web/program/border.js has the page's side. A record is a head of six numbers of four bytes, the lowest byte first: kind,
// number of the client, id, flags, length of the name, length of the payload. The name and the payload follow, and
// up to three zeros, so that the next head begins at a multiple of four.
//
// No field needs a lock: see [program].
type border struct {
	in      []byte
	out     []byte
	spare   []byte        // an empty slice for out
	woken   bool          // run has been told that there is something in out
	wake    chan struct{} // has an element when run is to look
	deliver js.Value

	// cells are what the page reads and writes without a call.
	cells struct {
		used  uint32 // by records in in, in bytes
		at    uint32 // address of in
		size  uint32 // bytes of in
		batch uint32 // address of the records that deliver is called for
	}
}

const (
	recordHead = 24 // bytes

	inSize    = 128 << 10 // bytes of in, but for a longer record
	flushSize = 256 << 10 // bytes of records in out that do not wait for the end of a task
	spareSize = 512 << 10 // bytes of spare, at most
)

// A kind says what a record is about.
type kind uint32

// Records of the page.
const (
	kindSend     kind = iota + 1 // name, payload; with the flag 1 cross returns the error of it
	kindSendRaw                  // payload; likewise
	kindCall                     // id, name, payload
	kindAnswer                   // id, payload
	kindOpen                     // id of the new stream, name, payload; flags are flagSilent and flagCarries
	kindWant                     // id of a stream; flags is the number of bytes of items that the page wants in addition
	kindSendItem                 // id of a stream, payload
	kindFinish                   // id of a stream: the page's end follows its items
	kindBegin                    // id of a stream of the server: the page handles it
	kindLeave                    // id of a stream: the page has left it
)

// Flags of kindOpen.
const (
	flagSilent  = 1 << iota // the page sends nothing
	flagCarries             // the stream carries bytes, not items
)

// Records of the program.
const (
	kindCommand  kind = iota + 1 // name, payload; the flag says whether it is replayed
	kindRaw                      // payload; likewise
	kindCalled                   // id, name, payload
	kindSettled                  // id, payload
	kindStreamed                 // id of the stream, name, payload
	kindItem                     // id of a stream, payload
	kindRoom                     // id of a stream; flags is the number of bytes that have left the program's queue
	kindDrained                  // id of a stream: all items are on their way, or have been dropped
)

// A record is one of those that the page has written. It is valid until cross returns.
type record struct {
	kind          kind
	client        int
	id, flags     int
	name, payload []byte
}

func (b *border) init(deliver js.Value) {
	b.deliver, b.wake = deliver, make(chan struct{}, 1)
	b.setIn(inSize)
}

// setIn makes room for records of n bytes.
func (b *border) setIn(n int) {
	b.in = make([]byte, n)
	b.cells.at, b.cells.size = address(b.in), uint32(n)
}

// address returns where b begins in the memory of the program.
func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// number returns the number that b begins with. Package encoding/binary would bring reflection.
func number(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// take calls use with each record that the page has written.
func (b *border) take(use func(r record)) {
	rest := b.in[:min(int(b.cells.used), len(b.in))]
	b.cells.used = 0
	for len(rest) >= recordHead {
		r := record{kind: kind(number(rest)), client: int(number(rest[4:])), id: int(number(rest[8:])), flags: int(number(rest[12:]))}
		body, name, payload := rest[recordHead:], int(number(rest[16:])), int(number(rest[20:]))
		if name > len(body) || payload > len(body)-name {
			break
		}
		r.name, r.payload = body[:name:name], body[name:name+payload:name+payload]
		rest = body[min((name+payload+3)&^3, len(body)):]
		use(r)
	}
	if len(b.in) > inSize { // it was made for one long record
		b.setIn(inSize)
	}
}

// put appends a record for the page.
func (b *border) put(k kind, client, id, flags int, name string, payload []byte) {
	out := b.out
	for _, n := range [recordHead / 4]int{int(k), client, id, flags, len(name), len(payload)} {
		out = append(out, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	out = append(out, name...)
	out = append(out, payload...)
	for len(out)&3 != 0 {
		out = append(out, 0)
	}
	b.out = out
	if len(out) >= flushSize {
		b.flush()
	} else if !b.woken {
		b.woken = true
		b.wake <- struct{}{}
	}
}

// flush hands the records to the page.
func (b *border) flush() {
	batch := b.out
	if len(batch) == 0 {
		return
	}
	b.out, b.spare = b.spare, nil
	b.cells.batch = address(batch)
	b.deliver.Invoke(len(batch))
	if cap(batch) <= spareSize {
		b.spare = batch[:0]
	}
}
