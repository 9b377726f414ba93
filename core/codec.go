package core

// A Codec converts values that are not text, numbers or bytes. It is used by many
// goroutines at once.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A ListCodec is a [Codec] that need not convert a list to count it. [On2] and [On3] ask such a
// codec, as the one for JSON is, so that nothing is allocated for elements that nobody wants.
type ListCodec interface {
	Codec

	// UnmarshalList converts the elements of a list to what the pointers of into point to, and
	// returns how many elements there are. It converts nothing, and returns any number above
	// len(into), if there are more than that; it should stop at the first of them.
	UnmarshalList(data []byte, into []any) (n int, err error)
}
