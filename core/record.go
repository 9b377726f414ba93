package core

import "context"

// Record asks a server written in Python for another client, by its name or "ip:port", and waits for the
// answer. It fails with [CodeUnknownClient] if there is none, with [CodeInternal] if the server cannot say,
// as every server of 2.x, and with [CodeUnsupported] where there is no such question: toward a server in
// Go that speaks its own protocol, which tells of others what its [Access.Notices] says, and one of
// 0.0.2. Otherwise it fails with why the connection ended, or ctx's error: a server of 1.x or later that
// does not answer at all is waited for until then.
func (c *Conn) Record(ctx context.Context, who string) (Presence, error) {
	if hasClassic && c.classic != nil {
		return c.classic.askRecord(ctx, c, who)
	}
	return Presence{}, NewError(CodeUnsupported, "a server tells its clients of others by notices only")
}

// Record is [Conn.Record] of the server.
func (cl *Client) Record(ctx context.Context, who string) (Presence, error) {
	c, err := cl.current()
	if err != nil {
		return Presence{}, err
	}
	return c.Record(ctx, who)
}
