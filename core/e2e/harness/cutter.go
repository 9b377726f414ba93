//go:build !js

package harness

import (
	"context"
	"sync"

	"github.com/hisock/hisock/transport"
)

// A Cutter is a dialer whose last stream can be cut. It must have dialled before Cut. It is safe
// for concurrent use.
type Cutter struct {
	transport.Dialer
	mu   sync.Mutex
	last transport.Conn // guarded by mu
}

// Dial dials, and remembers the stream for Cut.
func (d *Cutter) Dial(ctx context.Context) (transport.Conn, error) {
	c, err := d.Dialer.Dial(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.last = c
	}
	return c, err
}

// Cut closes the stream that was dialled last.
func (d *Cutter) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last.Close() //nolint:errcheck // it is cut
}
