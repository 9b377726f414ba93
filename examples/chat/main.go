// Command chat is a chat for terminals and browsers.
//
//	chat                                                  serve it
//	chat -nats embedded                                   serve it, as one chat with others that are started so
//	chat -join tcp://127.0.0.1:6969 -name ada             join it from a terminal
//	chat -build DIR                                       make a bundle for -bundle
//
// The program is package app. There is no NATS in it: with -nats it builds the program of the folder nats, which is a module of its own, and
// becomes that program.
package main

import "github.com/hisock/hisock/examples/chat/app"

func main() { app.Program{}.Main() }
