package pool

// ChunkSize is the capacity of a chunk in bytes: a little less than Linux puts into one segment of the loopback device, see package
// transport/ready, so that two chunks, which are one write, are two segments.
const ChunkSize = 63<<10 + 32

var chunks Pool // *[ChunkSize]byte

// GetChunk returns an empty chunk: memory for frames of streams, which goes from the stream to the outbox.
func GetChunk() []byte {
	if b, ok := chunks.Get().(*[ChunkSize]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, ChunkSize)
}

// PutChunk gives a chunk back. It leaves memory of another capacity to the garbage collector.
func PutChunk(b []byte) {
	if cap(b) == ChunkSize {
		chunks.Put((*[ChunkSize]byte)(b[:ChunkSize]))
	}
}
