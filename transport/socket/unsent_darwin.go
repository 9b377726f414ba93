package socket

const (
	unsentSupported = true
	notsentLowat    = 0x201 // TCP_NOTSENT_LOWAT, which package syscall lacks
)
