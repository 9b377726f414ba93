// Command bundle builds the browser bundle into a folder:
//
//	go run github.com/hisock/hisock/web/bundle@latest DIR
//
// In a module that requires this one, leave the version out.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/hisock/hisock/web"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] == "" || os.Args[1][0] == '-' {
		fmt.Fprintln(os.Stderr, "usage: bundle DIR")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := web.Build(ctx, os.Args[1], &web.BuildOptions{Progress: func(step string) {
		fmt.Fprintln(os.Stderr, "bundle:", step)
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
