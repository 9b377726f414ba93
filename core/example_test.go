//go:build !js

package core_test

import (
	"context"
	"fmt"
	"log"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A server and a client, here over memory. The packages tcp and ws have listeners and dialers for
// real networks.
func Example() {
	ctx := context.Background()
	l := transport.NewPipeListener()

	srv, _ := core.NewServer(nil) // no options, no error
	core.Handle(srv, "sum", func(_ context.Context, _ *core.Conn, in []int) (int, error) {
		total := 0
		for _, n := range in {
			total += n
		}
		return total, nil
	})
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	c, err := core.NewClient(l, &core.ClientOptions{Name: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	total, err := core.Call[int](ctx, c, "sum", []int{1, 2, 3})
	fmt.Println(total, err)

	_, err = core.Call[int](ctx, c, "product", []int{1, 2, 3})
	fmt.Println(err, core.CodeOf(err) == core.CodeUnknownCommand, core.IsRemote(err))

	c.Close()
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output:
	// 6 <nil>
	// hisock: peer: unknown command: no handler for call product true true
}

// Commands go both ways. A send to a group can leave out some of its members.
func ExampleServer_Group() {
	ctx := context.Background()
	l := transport.NewPipeListener()
	srv, _ := core.NewServer(nil) // no options, no error
	core.On(srv, "say", func(_ context.Context, c *core.Conn, text string) error {
		return srv.Group("chat").Send("said", c.Name()+": "+text, core.Except(c))
	})
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	heard := make(chan string)
	join := func(name string) *core.Client {
		c, err := core.NewClient(l, &core.ClientOptions{Name: name, Groups: []string{"chat"}})
		if err != nil {
			log.Fatal(err)
		}
		core.On(c, "said", func(_ context.Context, _ *core.Conn, text string) error {
			heard <- name + " heard " + text
			return nil
		})
		if err := c.Connect(ctx); err != nil {
			fmt.Println(err)
		}
		return c
	}
	ada, bob := join("ada"), join("bob")
	ada.Send("say", "hello") //nolint:errcheck // an example
	fmt.Println(<-heard)

	ada.Close()
	bob.Close()
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output: bob heard ada: hello
}

// A client changes its name. The server and the other clients hear of it.
func ExampleConn_Rename() {
	ctx := context.Background()
	l := transport.NewPipeListener()
	srv, err := core.NewServer(&core.ServerOptions{Access: core.Access{UniqueNames: true}})
	if err != nil {
		log.Fatal(err)
	}
	srv.OnRename(func(_ *core.Conn, old, name string) { fmt.Println("server:", old, "is", name) })
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	ada, err := core.NewClient(l, &core.ClientOptions{Name: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	if err := ada.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	bob, err := core.NewClient(l, &core.ClientOptions{Name: "bob"})
	if err != nil {
		log.Fatal(err)
	}
	if err := bob.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if err := ada.Rename(ctx, "grace"); err == nil { // the server has answered
		fmt.Println("client: ada is", ada.Name())
	}
	fmt.Println("client:", bob.Rename(ctx, "grace"))

	ada.Close()
	bob.Close()
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Unordered output:
	// server: ada is grace
	// client: ada is grace
	// client: hisock: peer: name taken: the name grace is taken
}

// A client that joins a group late gets the messages that were sent to the group before.
func ExampleHistory() {
	ctx := context.Background()
	l := transport.NewPipeListener()
	srv, err := core.NewServer(&core.ServerOptions{History: core.History{Messages: 2, Replay: true}})
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	heard := make(chan string, 10)
	join := func(name string) *core.Client {
		c, err := core.NewClient(l, &core.ClientOptions{Name: name, Groups: []string{"chat"}})
		if err != nil {
			log.Fatal(err)
		}
		core.On(c, "said", func(_ context.Context, _ *core.Conn, text string) error {
			if name == "late" {
				heard <- text
			}
			return nil
		})
		if err := c.Connect(ctx); err != nil {
			fmt.Println(err)
		}
		return c
	}
	early := join("early")
	for _, text := range []string{"one", "two", "three"} {
		srv.Group("chat").Send("said", text) //nolint:errcheck // an example
	}
	late := join("late")
	fmt.Println(<-heard, <-heard)

	early.Close()
	late.Close()
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output: two three
}

// A middleware sees every command, call and raw message before its handler does.
func ExampleServer_Use() {
	srv, _ := core.NewServer(nil) // no options, no error
	srv.Use(func(next core.Handler) core.Handler {
		return func(ctx context.Context, c *core.Conn, f core.Frame) ([]byte, error) {
			if f.Command == "admin" && !c.InGroup("admins") {
				return nil, core.NewError(core.CodeUnauthorized, "admins only")
			}
			return next(ctx, c, f)
		}
	})
	core.Handle(srv, "admin", func(context.Context, *core.Conn, struct{}) (string, error) { return "done", nil })

	ctx := context.Background()
	l := transport.NewPipeListener()
	go srv.Serve(ctx, l)           //nolint:errcheck // nil after Shutdown
	c, _ := core.NewClient(l, nil) // no options, no error
	if err := c.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	_, err := core.Call[string](ctx, c, "admin", nil)
	fmt.Println(err)

	c.Close()
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output: hisock: peer: unauthorized: admins only
}

// Several values, each of its own type, travel as a list.
func ExampleOn3() {
	ctx := context.Background()
	l := transport.NewPipeListener()
	srv, _ := core.NewServer(nil) // no options, no error
	handled := make(chan string)
	core.On3(srv, "move", func(_ context.Context, _ *core.Conn, who string, steps int, fast bool) error {
		handled <- fmt.Sprintf("%s moves %d, fast: %t", who, steps, fast)
		return nil
	})
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	c, _ := core.NewClient(l, nil) // no options, no error
	if err := c.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	c.Send("move", []any{"ada", 3, true}) //nolint:errcheck // the example would hang
	fmt.Println(<-handled)
	c.Close()
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output:
	// ada moves 3, fast: true
}
