//go:build !js

package core_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// The program decides who may come in, and under which name.
func ExampleServerOptions_authorize() {
	srv, err := core.NewServer(&core.ServerOptions{
		Access: core.Access{ReservedNames: []string{"admin"}, Authorize: func(_ context.Context, a *core.Admission) error {
			switch {
			case a.AuthIs([]byte("open sesame")):
				a.Set("role", "member")
			case a.AuthIs([]byte("correct horse")):
				a.Name, a.Groups = a.Asked, append(a.Groups, "staff")
				a.Set("role", "staff")
			default:
				return core.NewError(core.CodeUnauthorized, "wrong token")
			}
			return nil
		}, AuthorizeGroup: func(_ context.Context, c *core.Conn, group string) error {
			if strings.HasPrefix(group, "staff") && c.Get("role") != "staff" {
				return core.NewError(core.CodeUnauthorized, "staff only")
			}
			return nil
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	l := transport.NewPipeListener()
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	for _, o := range []core.ClientOptions{
		{Name: "ada", Auth: []byte("open sesame"), Groups: []string{"chat", "staff"}},
		{Name: "admin", Auth: []byte("correct horse"), Groups: []string{"chat"}},
		{Name: "admin", Auth: []byte("open sesame")},
		{Name: "mallory", Auth: []byte("open says me")},
	} {
		c, err := core.NewClient(l, &o)
		if err != nil {
			log.Fatal(err)
		}
		if err := c.Connect(ctx); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(c.Name(), c.Groups())
		c.Close()
	}
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output:
	// ada [chat]
	// admin [chat staff]
	// hisock: peer: name taken: the name admin is taken
	// hisock: peer: unauthorized: wrong token
}

// A client that is too fast is told when it may come back.
func ExampleServerOptions_limits() {
	srv, err := core.NewServer(&core.ServerOptions{
		Limits:   core.Limits{MaxConnsPerAddr: 20, MaxCalls: 100, FrameRate: 50, ByteRate: 256 << 10},
		Timeouts: core.Timeouts{Idle: 10 * time.Minute},
	})
	if err != nil {
		log.Fatal(err)
	}
	core.On(srv, "n", func(context.Context, *core.Conn, int) error { return nil })
	ctx := context.Background()
	l := transport.NewPipeListener()
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	c, err := core.NewClient(l, &core.ClientOptions{Retry: core.Retry{Off: true}})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for i := range 1000 {
		if c.Send("n", i) != nil {
			break // it has ended
		}
	}
	<-c.Done()
	fmt.Println(c.Err())
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output: hisock: peer: rate limit exceeded: more than 50 frames a second
}
