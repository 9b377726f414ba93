package core

import "context"

func newCallContext(conn context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(conn)
}
