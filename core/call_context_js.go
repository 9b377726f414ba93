package core

import "context"

type contexts struct{}

func newCallContext(conn *Conn) (context.Context, context.CancelFunc) {
	return context.WithCancel(conn.ctx)
}
