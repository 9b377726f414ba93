package serve

import (
	"net/http"

	"github.com/lxzan/gws"
)

// lxzan/gws without its parallel mode, so the messages of a connection are handled one at a time, in
// order. A broadcast is encoded once, by its Broadcaster, and written by its queues.
func startGWS() (string, error) {
	h := &gwsHandler{}
	up := gws.NewUpgrader(h, &gws.ServerOption{ParallelEnabled: false})
	return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r)
		if err != nil {
			return
		}
		job := parseJob(r.URL.Path)
		c.Session().Store("job", job)
		go func() { // so the request can be garbage collected
			if job.group != "" {
				h.groups.join(job.group, c)
				defer h.groups.leave(job.group, c)
			}
			if c.WriteMessage(gws.OpcodeBinary, ready) == nil {
				c.ReadLoop()
			}
		}()
	}))
}

type gwsHandler struct {
	gws.BuiltinEventHandler
	groups groups[*gws.Conn]
}

func (h *gwsHandler) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if v, ok := c.Session().Load("job"); ok && v.(job).echo {
		c.WriteMessage(gws.OpcodeBinary, m.Bytes())
		return
	}
	b := gws.NewBroadcaster(gws.OpcodeBinary, clone(m.Bytes()))
	defer b.Close()
	for _, member := range h.groups.of(m.Bytes()) {
		b.Broadcast(member)
	}
}
