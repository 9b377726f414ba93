package core

// A Logger takes what happens that nobody asked to be told. Any *slog.Logger is one.
// What a peer sent is in its arguments only as text without control characters.
// It is called from many goroutines at once.
type Logger interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// silent is the logger of those who set none.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
