package socket

const (
	unsentSupported = true
	notsentLowat    = 25 // TCP_NOTSENT_LOWAT, which package syscall lacks
)
