//go:build !js

package core_test

import (
	"context"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/transport"
)

// scoreKey is the key of a client's score.
type scoreKey struct{}

// Two servers are one: what one of them sends to a name reaches a client of the other one. If a client comes back to the other server, its score
// goes along with its session.
func ExampleClusterOptions() {
	ctx := context.Background()
	broker := relaytest.NewMemory(nil) // a program has NATS: see core/natsrelay
	node := func(name string) (*core.Server, *transport.PipeListener) {
		l := transport.NewPipeListener()
		srv, err := core.NewServer(&core.ServerOptions{Cluster: core.ClusterOptions{
			Relay: broker.Connect(),
			Node:  name,
			Pack: func(c *core.Conn) ([]byte, error) {
				score, _ := c.Get(scoreKey{}).(int)
				return strconv.AppendInt(nil, int64(score), 10), nil
			},
			Unpack: func(c *core.Conn, packed []byte) error {
				score, err := strconv.Atoi(string(packed))
				c.Set(scoreKey{}, score)
				return err
			},
		}})
		if err != nil {
			log.Fatal(err)
		}
		go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown
		return srv, l
	}
	one, _ := node("one")
	two, l := node("two")

	heard := make(chan string)
	ada, err := core.NewClient(l, &core.ClientOptions{Name: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	core.On(ada, "said", func(_ context.Context, _ *core.Conn, text string) error {
		heard <- text
		return nil
	})
	if err := ada.Connect(ctx); err != nil {
		log.Fatal(err)
	}

	// A node learns of another one's clients a moment after they have come.
	for found, _ := one.Cluster().Find(ctx, "ada"); len(found) == 0; found, _ = one.Cluster().Find(ctx, "ada") {
		time.Sleep(time.Millisecond)
	}
	if err := one.Named("ada").Send("said", "hello from one"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-heard)

	ada.Close()
	one.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	two.Shutdown(ctx) //nolint:errcheck // as above
	// Output: hello from one
}
