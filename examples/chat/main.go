// Command chat is a chat for terminals and browsers.
//
//	chat                                                  serve it
//	chat -join tcp://127.0.0.1:6969 -name ada             join it from a terminal
//	chat -build DIR                                       make a bundle for -bundle
//
// The program is package app.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hisock/hisock/examples/chat/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the program in order, a second one at once.
	context.AfterFunc(ctx, stop)
	os.Exit(app.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
