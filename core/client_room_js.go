package core

import "context"

// AwaitRoom waits until there is room in the queue to the server for a frame of n bytes, at least for
// a quarter of what it holds, or until ctx or the connection ends. It is there in a browser build only, where a send does not wait.
func (cl *Client) AwaitRoom(ctx context.Context, n int) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	if err := c.awaitRoom(ctx, nil, max(n, c.out.limit/4), 0); err != nil {
		return err
	}
	c.queued()
	return nil
}
