// Command bundle builds the browser bundle into a folder:
//
//	go run github.com/hisock/hisock/web/bundle@latest [-brotli] DIR
//
// In a module that requires this one, leave the version out.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/hisock/hisock/web"
)

func main() {
	brotli := flag.Bool("brotli", false, "also compress with Brotli, which needs Node")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: bundle [-brotli] DIR") }
	flag.Parse()
	dir := flag.Arg(0)
	if flag.NArg() != 1 || dir == "" || dir[0] == '-' {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := web.Build(ctx, dir, &web.BuildOptions{Brotli: *brotli, Progress: func(step string) {
		fmt.Fprintln(os.Stderr, "bundle:", step)
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
