//go:build !js

package python_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Messages that wait for a Python client are handed back, although Python clients send no acks.
func TestUndelivered(t *testing.T) {
	tests := map[string]struct {
		hello string
		send  func(c *core.Conn) error
		want  []string
	}{
		"0.0.2": {
			hello: oldFrames(`{"name": "ada", "group": null}`),
			send:  func(c *core.Conn) error { return c.SendRaw([]byte("raw")) },
			want:  []string{"say 1", "raw raw"},
		},
		"3.0a": {
			hello: helloV3(`"ada"`, "null"),
			send:  func(c *core.Conn) error { return c.Send("sum", []int{1, 2}) },
			want:  []string{"say 1", "sum [1,2]"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, only30a(&core.ServerOptions{Timeouts: core.Timeouts{Write: 5 * time.Second}}), func(w *world) {
				var left kept[string]
				w.srv.OnUndelivered(func(_ *core.Conn, frames []core.Undelivered) {
					for _, f := range frames {
						text := f.Command + " " + string(f.Payload)
						if f.Kind == core.KindRaw {
							text = "raw" + text
						}
						if f.Written {
							text = "written " + text
						}
						left.Add(text)
					}
				})
				w.serve()
				p := w.peer()
				p.Send([]byte(tc.hello))
				synctest.Wait()
				c := w.conn("ada")
				require.NoError(t, c.SendBytes("big", make([]byte, 300<<10)))
				synctest.Wait()
				require.NoError(t, c.SendBytes("say", []byte("1")))
				require.NoError(t, tc.send(c))
				time.Sleep(time.Minute)
				<-c.Done()
				synctest.Wait()
				require.Equal(t, tc.want, left.All()[1:])
				require.Equal(t, "written big", left.All()[0][:11])
				p.Stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}
