package core

import (
	"context"
	"time"
)

// ClientOptions are those of a native build that a page has, with the same meaning.
type ClientOptions struct {
	Name           string
	Groups         []string
	Auth           []byte
	AuthFunc       func(ctx context.Context) ([]byte, error)
	Metadata       map[string]string
	Retry          Retry
	ConnectTimeout time.Duration
	Session        []byte
	MaxFrame       int
	QueueBytes     int
	InboxBytes     int
	MaxConcurrent  int
	WriteTimeout   time.Duration
	CloseTimeout   time.Duration
	Codec          Codec
	Logger         Logger
}

func (*ClientOptions) native() (none nativeOptions) { return none }
